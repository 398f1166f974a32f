import type { Id, JobSpec, PathSpec } from '@ezthrottle/engine';
import {
  newPath,
  newSpec,
  ORGANIZATION,
  ORIGIN,
  OTHER_ORGANIZATION,
} from '@ezthrottle/testkit/store-data';
import { afterEach, describe, expect, test } from 'vitest';
import { openDispatchHarness, SECOND_API_KEY } from './dispatch-harness.ts';
import type { DispatchHarness, HarnessOptions } from './dispatch-harness.ts';

const FAST: HarnessOptions = { pace: { ratePerSecond: 1_000, concurrency: 32, configured: true } };

/** So fast that only slots and commits set the pace. */
const UNPACED: HarnessOptions = {
  pace: { ratePerSecond: 100_000, concurrency: 64, configured: true },
};

let harness: DispatchHarness;

async function open(options: HarnessOptions = FAST): Promise<DispatchHarness> {
  harness = await openDispatchHarness(options);
  return harness;
}

afterEach(async () => {
  const { logged } = harness;
  await harness[Symbol.asyncDispose]();
  // Nothing in these stories is out of the ordinary for the dispatcher.
  if (logged.length > 0) throw new Error(`the dispatcher complained: ${logged[0]}`);
});

function call(name: string, overrides: Partial<PathSpec> = {}): Partial<JobSpec> {
  return { paths: [path(name, overrides)] };
}

function path(name: string, overrides: Partial<PathSpec> = {}): PathSpec {
  return newPath({ url: `${ORIGIN}/${name}`, ...overrides });
}

function child(name: string): JobSpec {
  return newSpec(call(name));
}

async function stateOf(id: Id): Promise<string | undefined> {
  return (await harness.store.jobs.get(ORGANIZATION.id, id))?.state;
}

async function hasEnded(id: Id): Promise<boolean> {
  return (await harness.store.jobs.get(ORGANIZATION.id, id))?.end?.at !== undefined;
}

describe('pace', () => {
  test('thirty jobs to a target of ten a second leave a tenth of a second apart', async () => {
    await open({ pace: { ratePerSecond: 10, configured: true } });
    await Promise.all(Array.from({ length: 30 }, (_, job) => harness.submit(call(String(job)))));
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 30);
    const times = harness.executor.sent.map(({ at }) => at);
    expect(times).toHaveLength(30);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(95 - 1e-6);
    // 29 intervals, each 1.5 % longer than the rate says, for a target that counts strictly.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(2_900 / 0.985 + 20);
  });

  test('a target that bears a burst gets it at once, and then its pace', async () => {
    await open({ pace: { ratePerSecond: 2, burst: 5, configured: true } });
    await Promise.all(Array.from({ length: 6 }, (_, job) => harness.submit(call(String(job)))));
    await harness.run(1_000);
    const times = harness.executor.sent.map(({ at }) => at);
    expect(times).toHaveLength(6);
    expect(times[4]).toBeLessThan(50);
    expect(times[5]).toBeGreaterThan(450);
  });

  test('an unknown target gets two a second', async () => {
    await open({});
    await Promise.all(Array.from({ length: 4 }, (_, job) => harness.submit(call(String(job)))));
    await harness.run(1_600);
    expect(harness.executor.sent.map(({ at }) => Math.round(at))).toEqual([0, 503, 1_010, 1_518]);
  });

  test('no more calls are under way than the target bears', async () => {
    await open({ pace: { ratePerSecond: 1_000, concurrency: 3, configured: true } });
    harness.executor.script = () => ({ afterMs: 50 });
    await Promise.all(Array.from({ length: 20 }, (_, job) => harness.submit(call(String(job)))));
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 20);
    expect(harness.executor.mostAtOnce).toBe(3);
  });

  test('Retry-After stops every job of the target, and costs the refused one no attempt', async () => {
    await open();
    let calls = 0;
    harness.executor.script = () => {
      calls += 1;
      return calls === 1 ? { status: 429, headers: { 'retry-after': '3' } } : {};
    };
    const first = await harness.submit(
      call('first', { retry: { ...newPath().retry, maxRetries: 0 } }),
    );
    await harness.run(100);
    const second = await harness.submit(call('second'));
    await harness.run(2_800);
    expect(harness.executor.sent).toHaveLength(1);
    await harness.runUntil(async () => (await hasEnded(first)) && (await hasEnded(second)), 3_000);
    expect([await stateOf(first), await stateOf(second)]).toEqual(['completed', 'completed']);
  });

  test('what a target has taught outlives the process', async () => {
    await open({});
    harness.executor.script = () => ({ headers: { 'x-ezthrottle-rps': '20' } });
    await harness.submit(call('teach'));
    await harness.run(4_000, 50);
    await harness.restart();
    await Promise.all(Array.from({ length: 11 }, (_, job) => harness.submit(call(String(job)))));
    await harness.run(700);
    expect(harness.executor.sent).toHaveLength(11);
  });
});

describe('fairness', () => {
  test('a quiet account does not wait behind a noisy one', async () => {
    await open({ pace: { ratePerSecond: 10, configured: true } });
    await Promise.all(
      Array.from({ length: 100 }, (_, job) =>
        harness.submit({ ...call(`noisy ${job}`), userId: 'noisy' }),
      ),
    );
    await harness.run(1_000);
    const quiet = await harness.submit({ ...call('quiet'), userId: 'quiet' });
    const before = harness.clock.monotonic();
    await harness.runUntil(() => hasEnded(quiet));
    expect(harness.clock.monotonic() - before).toBeLessThanOrEqual(600);
  });

  test('API keys share a target in equal parts', async () => {
    await open({ pace: { ratePerSecond: 100, configured: true } });
    await Promise.all([
      ...Array.from({ length: 60 }, (_, job) =>
        harness.submit({ ...call('a'), userId: `user ${job}` }),
      ),
      ...Array.from({ length: 60 }, () => harness.submit(call('b'), { apiKey: SECOND_API_KEY.id })),
    ]);
    await harness.run(600);
    const ofSecond = harness.executor.sentTo(`${ORIGIN}/b`).length;
    const ofFirst = harness.executor.sentTo(`${ORIGIN}/a`).length;
    expect(Math.abs(ofSecond - ofFirst)).toBeLessThan(25);
  });

  test('accounts of a divided target share it in equal parts where all of it is at home, whatever it was divided into', async () => {
    await open({ pace: { ratePerSecond: 100, configured: true }, parts: 4 });
    const users = Array.from({ length: 8 }, (_, user) => `user-${user}`);
    const submitAll = (): Promise<unknown> =>
      Promise.all(
        users.flatMap((userId) =>
          Array.from({ length: 30 }, (_, job) =>
            harness.submit({ ...call(`${userId}/${job}`), userId }),
          ),
        ),
      );
    await submitAll();
    // What came first was armed before there was anybody to take turns with.
    await harness.run(500);
    const { length: before } = harness.executor.sent;
    await harness.run(800);
    const calls = users.map(
      (user) =>
        harness.executor.sent
          .slice(before)
          .filter(({ call: { url } }) => url.startsWith(`${ORIGIN}/${user}/`)).length,
    );
    expect(calls.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(82);
    expect(Math.max(...calls) - Math.min(...calls)).toBeLessThanOrEqual(4);
    // A process that divides otherwise does each call where it stands.
    await harness.restart({ pace: { ratePerSecond: 100, configured: true }, parts: 8 });
    await submitAll();
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 480);
  });

  test('a higher priority goes first within its account', async () => {
    await open({ pace: { ratePerSecond: 2, configured: true } });
    for (const name of ['1', '2', '3', '4']) await harness.submit(call(name));
    await harness.submit({ ...call('urgent'), priority: 50 });
    await harness.run(2_100);
    const order = harness.executor.sent.map(({ call: { url } }) => url.slice(ORIGIN.length + 1));
    expect(order.indexOf('urgent')).toBeLessThan(
      order.indexOf('4') === -1 ? 5 : order.indexOf('4'),
    );
  });
});

describe('one job', () => {
  test('carries its id and attempt to the target, and its key when asked', async () => {
    await open();
    const id = await harness.submit({
      ...call('x', { headers: { 'x-ezthrottle-attempt': '99', accept: 'a/b' } }),
      idempotentKey: 'order-1',
      sendIdempotencyKey: true,
    });
    await harness.run(50);
    expect(harness.executor.sent[0]?.call.headers).toEqual({
      accept: 'a/b',
      'X-EZThrottle-Job-Id': id,
      'X-EZThrottle-Attempt': '1',
      'X-EZThrottle-Region': 'local',
      'Idempotency-Key': 'order-1',
    });
  });

  test('is tried again after a delay, under a new attempt number', async () => {
    await open();
    let calls = 0;
    harness.executor.script = () => {
      calls += 1;
      return calls < 3 ? { status: 503 } : {};
    };
    const id = await harness.submit(call('x'));
    await harness.runUntil(() => hasEnded(id));
    expect(await stateOf(id)).toBe('completed');
    const attempts = await harness.store.jobs.attempts(id);
    expect(attempts.map(({ attempt, statusCode }) => [attempt, statusCode])).toEqual([
      [1, 503],
      [2, 503],
      [3, 200],
    ]);
    const times = harness.executor.sent.map(({ at }) => at);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(100);
    expect(harness.notices.map(({ type }) => type)).toEqual([
      'queued',
      'dispatching',
      'retrying',
      'dispatching',
      'retrying',
      'dispatching',
      'completed',
    ]);
  });

  test('does not start before its time', async () => {
    await open();
    await harness.submit({ ...call('x'), notBefore: harness.clock.now() + 5_000 });
    await harness.run(4_990, 10);
    expect(harness.executor.sent).toEqual([]);
    await harness.run(50);
    expect(harness.executor.sent).toHaveLength(1);
  });

  test('keeps the answer that is its result and no other', async () => {
    await open();
    const id = await harness.submit(call('x'));
    await harness.runUntil(() => hasEnded(id));
    const [kept] = await harness.store.jobs.responses(id, [1]);
    expect(kept?.response).toMatchObject({ status: 200, body: 'answer' });
  });

  test('offers a delivery for each webhook once it has ended', async () => {
    await open();
    const webhook = { regions: [], hasQuorumVote: true, receivesContinuation: false };
    const id = await harness.submit({
      ...call('x'),
      webhooks: [
        { url: 'https://a.test/', ...webhook },
        { url: 'https://b.test/', ...webhook },
      ],
    });
    await harness.runUntil(() => hasEnded(id));
    expect(harness.delivered).toEqual(await harness.store.jobs.deliveries(id));
    expect(harness.delivered.map(({ url }) => url)).toEqual(['https://a.test/', 'https://b.test/']);
  });

  test('spawns its children with its end', async () => {
    await open();
    harness.executor.script = ({ url }) => ({ status: url.endsWith('bad') ? 400 : 200 });
    const good = await harness.submit(call('good', { onSuccess: child('good child') }));
    const bad = await harness.submit(
      call('bad', { onSuccess: child('never'), onFailure: child('bad child') }),
    );
    await harness.runUntil(() => harness.executor.sent.length === 4);
    await harness.run(50);
    const [ofGood] = await harness.store.jobs.children(good);
    const [ofBad] = await harness.store.jobs.children(bad);
    expect([ofGood?.edge, ofBad?.edge]).toEqual(['on_success', 'on_failure']);
    expect(await stateOf(ofGood?.id ?? '')).toBe('completed');
    const record = await harness.store.jobs.get(ORGANIZATION.id, ofBad?.id ?? '');
    expect(record?.idempotentKey).toBe(`${bad}/on_failure`);
    expect(record?.parent).toEqual({ id: bad, edge: 'on_failure' });
  });

  test('fails at its deadline while it stands in line', async () => {
    await open({ pace: { ratePerSecond: 0.5, configured: true } });
    for (let job = 0; job < 5; job += 1) await harness.submit(call('before'));
    const id = await harness.submit({ ...call('late'), onFailureTimeoutMs: 3_000 });
    await harness.runUntil(() => hasEnded(id), 4_000);
    expect(await stateOf(id)).toBe('failed');
    await harness.run(15_000, 50);
    expect(harness.executor.sentTo(`${ORIGIN}/late`)).toEqual([]);
  });

  test('is answered with the first one when its key is taken', async () => {
    await open();
    const first = await harness.submit({ ...call('x'), idempotentKey: 'same' });
    const { verdict } = await harness.submitFor({ ...call('x'), idempotentKey: 'same' });
    expect(verdict).toMatchObject({ verdict: 'duplicate', jobId: first, mismatch: false });
    await harness.run(100);
    expect(harness.executor.sent).toHaveLength(1);
  });
});

describe('several legs', () => {
  test('a fallback starts when its predecessor takes too long, and the loser is aborted', async () => {
    await open();
    harness.executor.script = ({ url }) => (url.endsWith('slow') ? { afterMs: 'never' } : {});
    const trigger = { kind: 'on_timeout' as const, timeoutMs: 500 };
    const id = await harness.submit({ paths: [path('slow'), path('quick', { trigger })] });
    await harness.run(490);
    expect(harness.executor.sent).toHaveLength(1);
    await harness.runUntil(() => hasEnded(id), 1_000);
    expect(await stateOf(id)).toBe('completed');
    const attempts = await harness.store.jobs.attempts(id);
    expect(attempts.map(({ path: index, outcome }) => [index, outcome])).toEqual([
      [0, 'aborted'],
      [1, 'response'],
    ]);
    await harness.run(20);
    expect(harness.executor.aborted).toEqual([harness.executor.sent[0]?.call.token]);
    expect(harness.dispatcher.counts()).toEqual({ inFlight: 0, activeJobs: 0 });
  });

  test('in a race the first success wins and the others are aborted', async () => {
    await open();
    harness.executor.script = ({ region }) =>
      region === 'lax' ? { afterMs: 20 } : { afterMs: 'never' };
    const regions = ['iad', 'lax', 'ord'];
    const id = await harness.submit(call('race', { regions, executionMode: 'race' }));
    await harness.runUntil(() => hasEnded(id));
    await harness.run(20);
    expect(harness.executor.aborted).toHaveLength(2);
    expect(harness.dispatcher.counts()).toEqual({ inFlight: 0, activeJobs: 0 });
    const attempts = await harness.store.jobs.attempts(id);
    expect(attempts.map(({ outcome }) => String(outcome)).toSorted()).toEqual([
      'aborted',
      'aborted',
      'response',
    ]);
  });

  test('a leg that loses before it was sent is never sent', async () => {
    await open({ pace: { ratePerSecond: 1, configured: true } });
    const regions = ['iad', 'lax'];
    const id = await harness.submit(call('race', { regions, executionMode: 'race' }));
    await harness.run(5_000, 20);
    expect(await stateOf(id)).toBe('completed');
    expect(harness.executor.sent).toHaveLength(1);
  });
});

describe('cancel', () => {
  test('a job in line, one with a delay and one under way all end as cancelled', async () => {
    await open({ pace: { ratePerSecond: 1, concurrency: 1, configured: true } });
    harness.executor.script = () => ({ afterMs: 'never' });
    const running = await harness.submit(call('running'));
    await harness.run(20);
    const armed = await harness.submit(call('armed'));
    const waiting = await harness.submit(call('waiting'));
    const delayed = await harness.submit({ ...call('x'), notBefore: harness.clock.now() + 60_000 });
    const jobs = [running, armed, waiting, delayed];
    const verdicts = await Promise.all(
      jobs.map((id) => harness.dispatcher.cancel(ORGANIZATION.id, id)),
    );
    expect(verdicts).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
    await harness.run(5_000, 20);
    expect(await Promise.all(jobs.map(stateOf))).toEqual(Array(4).fill('cancelled'));
    expect(harness.executor.sent).toHaveLength(1);
    expect(harness.executor.aborted).toHaveLength(1);
    expect(harness.dispatcher.counts()).toEqual({ inFlight: 0, activeJobs: 0 });
  });

  test('what is over, unknown or of others is told apart', async () => {
    await open();
    const id = await harness.submit(call('x'));
    expect(await harness.dispatcher.cancel(OTHER_ORGANIZATION.id, id)).toBe('unknown');
    await harness.runUntil(() => hasEnded(id));
    expect(await harness.dispatcher.cancel(ORGANIZATION.id, id)).toBe('already_ended');
    expect(await harness.dispatcher.cancel(OTHER_ORGANIZATION.id, id)).toBe('unknown');
  });
});

describe('a new process on the same file', () => {
  test('runs every unfinished job again, under new attempt numbers', async () => {
    await open({ pace: { ratePerSecond: 20, configured: true } });
    harness.executor.script = () => ({ afterMs: 200 });
    const jobs = await Promise.all(
      Array.from({ length: 30 }, (_, job) => harness.submit(call(String(job)))),
    );
    await harness.run(500);
    const numbers = new Map<string, string[]>();
    const note = (): void => {
      for (const { call: sent } of harness.executor.sent) {
        const attempt = sent.headers['X-EZThrottle-Attempt'] ?? '';
        numbers.set(sent.url, [...(numbers.get(sent.url) ?? []), attempt]);
      }
    };
    note();
    await harness.restart();
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 30);
    note();
    expect(await Promise.all(jobs.map(stateOf))).toEqual(Array(30).fill('completed'));
    expect(numbers.size).toBe(30);
    for (const attempts of numbers.values()) expect(new Set(attempts).size).toBe(attempts.length);
    expect([...numbers.values()].some((attempts) => attempts.length === 2)).toBe(true);
  });

  test('does not repeat what must not be repeated', async () => {
    await open();
    harness.executor.script = () => ({ afterMs: 'never' });
    const id = await harness.submit({ ...call('x'), repeat: 'never' });
    await harness.run(20);
    await harness.restart();
    await harness.run(100);
    expect(await stateOf(id)).toBe('failed');
    expect(harness.executor.sent).toEqual([]);
  });

  test('gives a target no second burst', async () => {
    await open({ pace: { ratePerSecond: 2, configured: true } });
    await Promise.all(Array.from({ length: 4 }, (_, job) => harness.submit(call(String(job)))));
    await harness.run(3_100, 20);
    await harness.restart();
    await harness.submit(call('after'));
    await harness.run(450);
    expect(harness.executor.sent).toEqual([]);
    await harness.run(100);
    expect(harness.executor.sent).toHaveLength(1);
  });

  test.each([{ limits: [] }, { limits: [{ key: 'shared', cost: 1 }] }])(
    'a moment after a burst gives none of it back, at a key that was not written down yet: $limits',
    async ({ limits }) => {
      const burst = { ratePerSecond: 2, burst: 20, configured: true };
      await open(
        limits.length === 0
          ? { pace: burst }
          : { ...UNPACED, named: { shared: { rate: 2, per_ms: 1_000, burst: 20 } } },
      );
      const submit = (count: number): Promise<unknown> =>
        Promise.all(
          Array.from({ length: count }, (_, job) =>
            harness.submit(call(`${count} ${job}`, { limits })),
          ),
        );
      await submit(20);
      await harness.run(100);
      expect(harness.executor.sent).toHaveLength(20);
      await harness.restart();
      await submit(5);
      await harness.run(2_100);
      expect(harness.executor.sent).toHaveLength(4);
    },
  );

  test('gives a key that was never used its burst once the time of one has passed', async () => {
    await open({ pace: { ratePerSecond: 2, burst: 4, configured: true } });
    const other = 'https://never-used.test';
    await harness.submit(call('before'));
    await harness.run(50);
    await harness.restart();
    await harness.run(2_100, 20);
    await Promise.all(
      Array.from({ length: 4 }, (_, job) =>
        harness.submit(call(String(job), { url: `${other}/${job}`, origin: other })),
      ),
    );
    await harness.run(50);
    expect(harness.executor.sent).toHaveLength(4);
  });

  test('a moment after a pause was asked for keeps it', async () => {
    await open({ pace: { ratePerSecond: 10, configured: true } });
    harness.executor.script = () => ({ status: 429, headers: { 'retry-after': '20' } });
    await harness.submit(call('refused'));
    await harness.run(50);
    expect(harness.executor.sent).toHaveLength(1);
    await harness.restart();
    await harness.submit(call('next'));
    await harness.run(19_800, 50);
    expect(harness.executor.sent).toEqual([]);
    await harness.run(1_000, 20);
    expect(harness.executor.sent).toHaveLength(2);
  });
});

describe('jobs that must not be repeated', () => {
  const once = (job: number): Partial<JobSpec> => ({ ...call(String(job)), repeat: 'never' });

  test('are lost to a kill only when they were handed over, not when they waited for their turn', async () => {
    await open({ pace: { ratePerSecond: 20, configured: true } });
    harness.executor.script = () => ({ afterMs: 'never' });
    const jobs = await Promise.all(
      Array.from({ length: 12 }, (_, job) => harness.submit(once(job))),
    );
    await harness.run(170);
    const sent = harness.executor.sent.length;
    expect(sent).toBeGreaterThan(2);
    await harness.restart();
    await harness.runUntil(async () => (await Promise.all(jobs.map(hasEnded))).every(Boolean));
    expect((await harness.store.jobs.counts()).failed).toBe(sent);
    expect((await harness.store.jobs.counts()).completed).toBe(12 - sent);
  });

  test('keep the rate, and their place among others', async () => {
    await open({ pace: { ratePerSecond: 50, configured: true } });
    const specs = Array.from({ length: 60 }, (_, job) =>
      job % 3 === 0 ? call(String(job)) : once(job),
    );
    await Promise.all(specs.map((spec) => harness.submit(spec)));
    const started = harness.clock.monotonic();
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 60);
    expect(harness.clock.monotonic() - started).toBeLessThan(1_700);
    expect(harness.executor.sent).toHaveLength(60);
    expect(harness.dispatcher.counts()).toEqual({ inFlight: 0, activeJobs: 0 });
  });

  test('start when a slot is free again, and not when they were cancelled before', async () => {
    await open({ pace: { ratePerSecond: 1_000, concurrency: 1, configured: true } });
    harness.executor.script = () => ({ afterMs: 100 });
    const jobs = await Promise.all([0, 1, 2].map((job) => harness.submit(once(job))));
    await harness.run(20);
    expect(await harness.dispatcher.cancel(ORGANIZATION.id, jobs[1] ?? '')).toBe('cancelled');
    await harness.runUntil(async () => (await Promise.all(jobs.map(hasEnded))).every(Boolean));
    expect(await Promise.all(jobs.map(stateOf))).toEqual(['completed', 'cancelled', 'completed']);
    expect(harness.executor.sent.map(({ call: { url } }) => url.at(-1))).toEqual(['0', '2']);
  });

  test('wait for a limit that they cost more than one of', async () => {
    await open({ ...FAST, named: { tokens: { rate: 10, per_ms: 1_000, burst: 5 } } });
    const limits = [{ key: 'tokens', cost: 5 }];
    const costly = (job: number): Partial<JobSpec> => ({
      ...call(String(job), { limits }),
      repeat: 'never',
    });
    await Promise.all([0, 1, 2, 3].map((job) => harness.submit(costly(job))));
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 4, 5_000);
    const times = harness.executor.sent.map(({ at }) => at);
    expect((times[3] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_400);
    expect((times[3] ?? 0) - (times[0] ?? 0)).toBeLessThan(1_800);
  });
});

describe('stop', () => {
  test('waits for calls under way, hands the rest back, and loses nothing', async () => {
    await open({ pace: { ratePerSecond: 5, configured: true } });
    harness.executor.script = () => ({ afterMs: 300 });
    const jobs = await Promise.all(
      Array.from({ length: 6 }, (_, job) =>
        harness.submit({ ...call(String(job)), repeat: 'never' }),
      ),
    );
    await harness.run(250);
    const sent = harness.executor.sent.length;
    const stopping = harness.dispatcher.stop();
    await harness.run(1_000);
    await stopping;
    expect(harness.executor.sent).toHaveLength(sent);
    expect((await harness.store.jobs.counts()).completed).toBe(sent);
    await harness.restart();
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 6);
    expect(await Promise.all(jobs.map(stateOf))).toEqual(Array(6).fill('completed'));
  });

  test('aborts what does not end in time, so that the next process runs it again', async () => {
    await open({ ...FAST, limits: { stopTimeoutMs: 1_000 } });
    harness.executor.script = () => ({ afterMs: 'never' });
    const id = await harness.submit(call('x'));
    await harness.run(20);
    const stopping = harness.dispatcher.stop();
    await harness.run(1_200);
    await stopping;
    expect(harness.executor.aborted).toHaveLength(1);
    await harness.restart();
    await harness.runUntil(() => hasEnded(id));
    expect(harness.executor.sent[0]?.call.headers['X-EZThrottle-Attempt']).toBe('2');
  });
});

describe('a backlog larger than memory', () => {
  test('five thousand jobs with room for sixty-four of each account all end', async () => {
    await open({ ...UNPACED, limits: { windowPerAccount: 64, windowTotal: 100, cacheBytes: 0 } });
    await Promise.all(
      Array.from({ length: 5_000 }, (_, job) =>
        harness.submit({ ...call(String(job % 7)), userId: `user ${job % 3}`, priority: job % 5 }),
      ),
    );
    await harness.runUntil(
      async () => (await harness.store.jobs.counts()).completed === 5_000,
      20_000,
      20,
    );
    expect(harness.executor.sent).toHaveLength(5_000);
    expect(harness.dispatcher.counts()).toEqual({ inFlight: 0, activeJobs: 0 });
  }, 120_000);

  test('and also when it was there before the process', async () => {
    await open({ pace: { ratePerSecond: 0.5, configured: true } });
    await Promise.all(
      Array.from({ length: 300 }, (_, job) =>
        harness.submit({ ...call('x'), userId: `user ${job % 5}` }),
      ),
    );
    await harness.restart({ ...UNPACED, limits: { windowPerAccount: 8 } });
    await harness.runUntil(async () => (await harness.store.jobs.counts()).completed === 300);
    expect(harness.executor.sent.length).toBeGreaterThanOrEqual(299);
  });
});

describe('watchers', () => {
  test('are told what their job waits for', async () => {
    await open({ pace: { ratePerSecond: 1, configured: true } });
    harness.watched = () => true;
    const first = await harness.submit(call('first'));
    const second = await harness.submit(call('second'));
    const third = await harness.submit(call('third'));
    const fourth = await harness.submit(call('fourth'));
    await harness.run(2_500, 20);
    const reasons = (id: Id): string[] =>
      harness.notices.flatMap((notice) =>
        notice.type === 'waiting' && notice.jobId === id ? [notice.reason] : [],
      );
    expect(reasons(first)).toEqual([]);
    expect(reasons(second)).toContain('rate');
    expect([...reasons(third), ...reasons(fourth)]).toContain('behind_others');
  });
});
