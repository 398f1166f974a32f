// What the SDKs before this one did wrong or differently, and what holds here: one test each. These
// are about what the server's rules make of a job; they run on the real rules, in virtual time.

import { beforeEach, expect, it } from 'vitest';
import { Step, StepType, type EZThrottle } from '@ezthrottle/core';
import { createTestServer, type TestServer } from '@ezthrottle/testing';

const TARGET = 'https://api.example';
const HOOK = 'https://app.example/hook';
const once = { maxRetries: 0, maxReroutes: 0 };

let server: TestServer;
let client: EZThrottle;

beforeEach(() => {
  server = createTestServer();
  client = server.client({ retry: false });
});

/** A step at a path of the target that is tried once. */
const at = (path: string): Step => new Step().url(`${TARGET}/${path}`).retryPolicy(once);

/** The paths that were called, in order. */
const calls = (): readonly string[] => server.calls.map(({ url }) => new URL(url).pathname);

async function submit(step: Step): Promise<string> {
  const { job_id: jobId } = await step.execute(client);
  return jobId ?? '';
}

it('row 2: a retry policy is followed, and a webhook without a vote does not make the quorum', async () => {
  const target = server.upstream(`${TARGET}/a`, [418, 418, 200]);
  server.webhook(`${HOOK}/silent`, 200);
  const voter = server.webhook(`${HOOK}/voter`, [503, 200]);
  const step = new Step()
    .url(`${TARGET}/a`)
    .retryPolicy({ maxRetries: 2, retryCodes: [418] })
    .webhooks([{ url: `${HOOK}/silent`, hasQuorumVote: false }, { url: `${HOOK}/voter` }]);
  const id = await submit(step);
  while (voter.calls.length === 0) await server.clock.advance('100ms');
  expect(target.calls).toHaveLength(3);
  expect(await server.job(id)).toMatchObject({ state: 'completed', quorum_reached_at: null });
  await server.runToEnd();
  expect(await server.job(id)).toMatchObject({ quorum_reached_at: expect.any(Number) });
});

it('row 11: fallbacks that failed here are not tried again by the one job there is', async () => {
  server.upstream(`${TARGET}/*`, 500);
  const step = at('a').type(StepType.FRUGAL).fallback(at('b')).fallback(at('c'));
  const result = await server.until(step.execute(client));
  expect(result).toMatchObject({ kind: 'submitted' });
  await server.runToEnd();
  expect(calls()).toEqual(['/a', '/b', '/c', '/a']);
  expect((await client.jobs.list().page()).jobs).toHaveLength(1);
});

it('row 12: a fallback’s own fallback is tried before its next sibling', async () => {
  server.upstream(`${TARGET}/*`, 500);
  await submit(
    at('0')
      .fallback(at('1').fallback(at('2')))
      .fallback(at('3')),
  );
  await server.runToEnd();
  expect(calls()).toEqual(['/0', '/1', '/2', '/3']);
});

it('row 13: any number of fallbacks is tried, and the success of the last is the job’s', async () => {
  server.upstream(`${TARGET}/*`, 500);
  server.upstream(`${TARGET}/last`, 200);
  const webhook = server.webhook(HOOK);
  const step = at('a').fallback(at('b')).fallback(at('c')).fallback(at('last'));
  const jobId = await submit(step.idempotentKey('of-a').webhooks([{ url: HOOK }]));
  await server.runToEnd();
  expect(webhook.deliveries).toMatchObject([
    { jobId, idempotentKey: 'of-a', status: 'success', path: 3 },
  ]);
});

it('row 16: no answer at all starts a fallback that lists statuses, on the server, too', async () => {
  server.upstream(`${TARGET}/a`, { networkError: 'ECONNRESET' });
  server.upstream(`${TARGET}/b`, 200);
  await submit(at('a').fallback(at('b'), { triggerOnError: [500] }));
  await server.runToEnd();
  expect(calls()).toEqual(['/a', '/b']);
});

it('row 17: on_timeout starts after its time only, and races with the call before it', async () => {
  const quick = server.upstream(`${TARGET}/quick`, { delay: '1s' });
  const slow = server.upstream(`${TARGET}/slow`, { delay: '3s' });
  const other = server.upstream(`${TARGET}/other`, { delay: '5s' });
  const after = { triggerOnTimeout: 2_000 };
  const inTime = await submit(at('quick').fallback(at('other'), after));
  await server.runToEnd();
  expect([quick.calls.length, other.calls.length]).toEqual([1, 0]);
  expect(await server.job(inTime)).toMatchObject({ result: { path: 0 } });

  const raced = await submit(at('slow').fallback(at('other'), after));
  await server.runToEnd();
  const [first, second] = [slow.calls[0], other.calls[0]];
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBe(2_000);
  expect(await server.job(raced)).toMatchObject({ state: 'completed', result: { path: 0 } });
});

it('row 18: on_failure runs when every path has failed, and only then', async () => {
  server.upstream(`${TARGET}/*`, 500);
  const sorry = server.upstream(`${TARGET}/sorry`, 200);
  const good = server.upstream(`${TARGET}/good`, 200);
  await submit(at('a').fallback(at('good')).onFailure(at('sorry')));
  await server.runToEnd();
  expect([good.calls.length, sorry.calls.length]).toEqual([1, 0]);
  await submit(at('b').fallback(at('c')).onFailure(at('sorry')));
  await server.runToEnd();
  expect(calls().slice(-3)).toEqual(['/b', '/c', '/sorry']);
});

it.each([
  [500, ['/a']],
  [503, ['/a', '/b']],
] as const)('row 33: the trigger of a nested job is heeded: %i', async (status, expected) => {
  server.upstream(`${TARGET}/a`, status);
  server.upstream(`${TARGET}/b`, 200);
  await client.submitJob({
    url: `${TARGET}/a`,
    retryPolicy: once,
    fallbackJob: { url: `${TARGET}/b`, trigger: { type: 'on_error', codes: [503] } },
  });
  await server.runToEnd();
  expect(calls()).toEqual(expected);
});
