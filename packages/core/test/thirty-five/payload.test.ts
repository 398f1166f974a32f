// What the SDKs before this one did wrong or differently, and what holds here: one test each. These
// are about what is sent.

import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Step, StepType, StepValidationError } from '@ezthrottle/core';
import { createWorld, errorOf, HOOK, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await createWorld();
});

afterEach(() => world[Symbol.asyncDispose]());

const url = 'https://api.example/';

async function sentBy(step: Step): Promise<unknown> {
  await step.execute(world.client());
  return world.jobs().at(-1);
}

it('row 1: every field is snake_case at every depth', async () => {
  const inner = new Step().url(url).idempotentKey('k').retryAt(5).onFailure(new Step().url(url), 9);
  const step = new Step().url(url).fallback(inner.fallback(inner)).onSuccess(inner);
  const job = { url, method: 'GET' };
  const own = { ...job, on_failure: job, on_failure_timeout_ms: 9, retry_at: 5 };
  const kept = { ...own, idempotent_key: 'k' };
  expect(await sentBy(step)).toEqual({
    ...job,
    fallback_job: { ...kept, fallback_job: kept },
    on_success: kept,
  });
});

it('row 2: a retry policy is snake_case, and a webhook can be denied its vote', async () => {
  const step = new Step()
    .url(url)
    .retryPolicy({ maxRetries: 2, rerouteCodes: [500] })
    .webhooks([{ url: HOOK, hasQuorumVote: false }]);
  expect(await sentBy(step)).toMatchObject({
    retry_policy: { max_retries: 2, reroute_codes: [500] },
    webhooks: [{ url: HOOK, has_quorum_vote: false }],
  });
});

it('row 12: a fallback’s own fallback stands before its next sibling, and none is lost', async () => {
  const at = (path: string): Step => new Step().url(`${url}${path}`);
  const step = at('0')
    .fallback(at('1').fallback(at('2')))
    .fallback(at('3'));
  const job = (path: string): object => ({ url: `${url}${path}`, method: 'GET' });
  expect(await sentBy(step)).toEqual({
    ...job('0'),
    fallback_job: { ...job('1'), fallback_job: { ...job('2'), fallback_job: job('3') } },
  });
});

it('row 14: an empty list of statuses is refused, for it would never or always fit', async () => {
  const step = new Step().url(url).fallback(new Step().url(url), { triggerOnError: [] });
  const error = await errorOf(() => step.execute(world.client()));
  expect(error).toBeInstanceOf(StepValidationError);
  expect(error).toMatchObject({ problems: [{ path: 'fallback[0].triggerOnError' }] });
});

it('row 15: both triggers at once are refused, and the answer asks for two fallbacks', async () => {
  const both = { triggerOnError: [500], triggerOnTimeout: 10 };
  const step = new Step().url(url).fallback(new Step().url(url), both);
  const error = await errorOf(() => step.execute(world.client()));
  expect(error).toBeInstanceOf(StepValidationError);
  expect(String(error)).toMatch(/two fallbacks/);
});

it('row 20: a step without a type is PERFORMANCE', async () => {
  expect(await world.step('200').execute()).toMatchObject({ kind: 'submitted', job_id: 'job-1' });
  expect(world.calls()).toEqual([]);
});

it('row 22: a method that does not exist is refused together with all else that is wrong', async () => {
  const error = await errorOf(() => new Step().method('NO METHOD').execute(world.client()));
  expect(error).toMatchObject({ problems: [{ path: 'url' }, { path: 'method' }] });
});

it('row 23: the address that the proxy is to call is the one that was configured', async () => {
  const { server } = world;
  server.answer = () => ({ status: 500 });
  const baseUrl = 'https://ezthrottle.example';
  const client = world.client({ tracktagsUrl: server.url, baseUrl });
  await errorOf(() => client.submitJob({ url }));
  await errorOf(() => client.getWebhookSecret());
  const targets = server.seen.map(({ text }): unknown => JSON.parse(text));
  expect(targets).toMatchObject([
    { target_url: `${baseUrl}/api/v1/jobs` },
    { target_url: `${baseUrl}/api/v1/webhook-secrets` },
  ]);
});

it('row 30: (a matter of another package’s files) the version that is told is that of the package', async () => {
  await world.step('200').execute();
  const path = new URL('../../package.json', import.meta.url);
  const { version }: { version: string } = JSON.parse(readFileSync(path, 'utf8'));
  expect(world.server.seen[0]?.headers['user-agent']).toContain(`ezthrottle-js/${version} `);
});

it('row 33: a nested job of submitJob can say when it starts, and so can a step’s fallback', async () => {
  await world.client().submitJob({
    url,
    fallbackJob: { url, trigger: { type: 'on_timeout', timeoutMs: 500 } },
  });
  const trigger = { type: 'on_timeout', timeout_ms: 500 };
  const job = { url, method: 'GET', fallback_job: { url, method: 'GET', trigger } };
  expect(world.jobs()).toEqual([job]);
  const step = new Step().url(url).fallback(new Step().url(url), { triggerOnTimeout: 500 });
  expect(await sentBy(step)).toEqual(job);
});

it('row 34: lists that are empty are not sent', async () => {
  await world.client().submitJob({ url, webhooks: [], regions: [], tags: [] });
  expect(world.jobs()).toEqual([{ url, method: 'GET' }]);
  expect(await sentBy(new Step().url(url).webhooks([]).regions([]))).toEqual({
    url,
    method: 'GET',
  });
});

it('row 13: a step has as many fallbacks as it needs, tried here one after the other', async () => {
  const here = { triggerOnError: [500] };
  const result = await world
    .step('a500')
    .type(StepType.FRUGAL)
    .fallback(world.step('b500'), here)
    .fallback(world.step('c500'), here)
    .fallback(world.step('d200'), here)
    .execute();
  expect(result).toMatchObject({ kind: 'local', status: 'success', path: 3 });
  expect(world.calls()).toEqual(['a500', 'b500', 'c500', 'd200']);
});
