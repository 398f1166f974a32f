// What the SDKs before this one did wrong or differently, and what holds here: one test each. These
// are about running FRUGAL steps.

import { afterEach, beforeEach, expect, expectTypeOf, it } from 'vitest';
import {
  executeWithForwarding,
  IdempotentStrategy,
  StepType,
  type EZThrottle,
  type LocalResult,
  type Step,
  type SubmittedResult,
} from '@ezthrottle/core';
import { createWorld, errorOf, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await createWorld();
});

afterEach(() => world[Symbol.asyncDispose]());

const here = (path: string, client?: EZThrottle): Step =>
  world.step(path, client).type(StepType.FRUGAL);

it('row 8: a step that follows and fails does not fail the step, nor hand it on', async () => {
  const result = await here('200').onSuccess(here('cut')).execute();
  expect(result).toMatchObject({ kind: 'local', status: 'success' });
  const children = result.kind === 'local' ? await result.children : [];
  expect(children).toMatchObject([{ edge: 'onSuccess', ok: true }]);
  expect(world.calls().filter((path) => path === '200')).toHaveLength(1);
  expect(world.jobs().map(({ url }) => url)).toEqual([`${world.target.url}/cut`]);
});

it('row 9: an error of a step that follows is nobody’s unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', listener);
  try {
    world.server.answer = () => ({ status: 400 });
    const client = world.client();
    await here('200', client).onSuccess(world.step('child')).execute();
    await client.settled();
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    process.off('unhandledRejection', listener);
  }
  expect(unhandled).toEqual([]);
});

it('row 10: an error of a step that follows is told to onChildError', async () => {
  const errors: unknown[] = [];
  const client = world.client({ onChildError: (error, edge) => errors.push([edge, error]) });
  world.server.answer = () => ({ status: 400 });
  await here('200', client).onSuccess(world.step('child')).execute();
  await client.settled();
  expect(errors).toMatchObject([['onSuccess', { code: 'validation_failed', status: 400 }]]);
});

it('row 11: fallbacks that fail here are not handed on, so there is one job at most', async () => {
  const step = here('500').fallback(here('a500')).fallback(here('b503'));
  expect(await step.execute()).toMatchObject({ kind: 'submitted', job_id: 'job-1' });
  expect(world.calls()).toEqual(['500', 'a500', 'b503']);
  expect(world.jobs()).toEqual([{ url: `${world.target.url}/500`, method: 'GET' }]);
});

it('row 16: no answer at all starts a fallback that lists statuses, unless that is turned off', async () => {
  const step = here('cut').fallback(here('a200'), { triggerOnError: [500] });
  expect(await step.execute()).toMatchObject({ kind: 'local', path: 1 });
  const strict = world.client({ networkErrorTriggersFallback: false });
  expect(await step.execute(strict)).toMatchObject({ kind: 'submitted' });
  expect(world.calls()).toEqual(['cut', 'a200', 'cut']);
});

it('row 17: on_timeout starts after its measured time only, and races with the call before it', async () => {
  const at: number[] = [];
  const { answer } = world.target;
  world.target.answer = (request) => {
    at.push(performance.now());
    return answer(request);
  };
  const began = performance.now();
  const raced = await here('hang').fallback(here('a200'), { triggerOnTimeout: 50 }).execute();
  expect(raced).toMatchObject({ kind: 'local', path: 1 });
  // A timer of 50 ms may be over a fraction of a millisecond early.
  expect((at[1] ?? 0) - began).toBeGreaterThanOrEqual(49);
  await here('404').fallback(here('b200'), { triggerOnTimeout: 5_000 }).execute();
  expect(world.calls()).not.toContain('b200');
});

it('row 18: onFailure runs when all have failed here and nothing was handed on', async () => {
  const client = world.client();
  const step = here('404', client).fallback(here('a404')).onFailure(here('b200'));
  expect(await step.execute()).toMatchObject({ kind: 'local', status: 'failed' });
  await client.settled();
  expect(world.calls()).toEqual(['404', 'a404', 'b200']);
  const handedOn = here('500', client).onFailure(here('c200')).continueAt('https://app.example/');
  await handedOn.execute();
  await client.settled();
  expect(world.calls()).not.toContain('c200');
});

it('row 19: a result says whether it was made here or submitted, and has the same fields', async () => {
  const local = await here('200').execute();
  const submitted = await here('500').execute();
  expect(local).toMatchObject({ kind: 'local', executed_locally: true, job_id: null });
  expect(submitted).toMatchObject({ kind: 'submitted', executed_locally: false, job_id: 'job-1' });
  for (const field of ['status', 'status_code', 'response', 'idempotent_key', 'job_id']) {
    expect(local).toHaveProperty(field);
    expect(submitted).toHaveProperty(field);
  }
  if (local.executed_locally) expectTypeOf(local).toEqualTypeOf<LocalResult>();
  else expectTypeOf(local).toEqualTypeOf<SubmittedResult>();
});

it('row 21: the timeout and the caller’s signal end a call, and bodies of failures are read', async () => {
  expect(await here('hang').timeout(20).execute()).toMatchObject({
    kind: 'submitted',
    local: { attempts: [{ outcome: 'timeout' }] },
  });
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  expect(await errorOf(() => here('hang').execute({ signal }))).toBe(reason);
  expect(await here('404').execute()).toMatchObject({ response: '{"path":"/404"}' });
});

it('row 28: a forwarding wrapper submits at once; the side effect is not repeated', async () => {
  let effects = 0;
  const forward = { url: `${world.target.url}/200`, method: 'POST' };
  const result = await executeWithForwarding(world.client(), async () => {
    effects += 1;
    return { forward };
  });
  expect(result).toMatchObject({ job_id: 'job-1' });
  expect([effects, world.calls()]).toEqual([1, []]);
});

it('row 31: a UNIQUE key belongs to one execute(): its local call and its job share it', async () => {
  const step = here('500').idempotentStrategy(IdempotentStrategy.UNIQUE).sendIdempotencyKey();
  await step.execute();
  await step.execute();
  const sent = world.target.seen.map(({ headers }) => headers['idempotency-key']);
  expect(world.jobs().map((job) => job['idempotent_key'])).toEqual(sent);
  expect(new Set(sent).size).toBe(2);
});

it('row 32: with HASH a second failing call is answered with the first job, with UNIQUE by a new one', async () => {
  expect(await here('500').execute()).toMatchObject({ job_id: 'job-1', duplicate: false });
  expect(await here('500').execute()).toMatchObject({ job_id: 'job-1', duplicate: true });
  const unique = here('500').idempotentStrategy(IdempotentStrategy.UNIQUE);
  expect(await unique.execute()).toMatchObject({ job_id: 'job-2', duplicate: false });
});
