import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallRecord } from './call-record.ts';
import type { Hedging } from './decision.ts';
import { allowsHedge, type HedgeBudget, NO_CALLS, withCall } from './hedge-budget.ts';
import { JobScript, START, status, TIMEOUT, UNREACHABLE } from './job-script.test-support.ts';
import { Latencies } from './latencies.ts';

const FREE: Hedging = { latencyMs: () => 80, allows: () => true };

function hedged(
  request: ConstructorParameters<typeof JobScript>[0] = {},
  hedging = FREE,
): JobScript {
  return new JobScript({ hedge_after_ms: 50, ...request }, { hedging });
}

describe('a call that has a second one', () => {
  it('gets it when it has not answered in time, and the first success wins', () => {
    const job = hedged();
    job.at = 1_000;
    job.send(0);
    expect(job.wakeAt).toBe(1_050);
    job.at = 1_049;
    expect(job.wake()).toEqual([]);
    job.at = 1_050;
    expect(job.wake()).toContainEqual({ type: 'enqueue', leg: 1, readyAt: START + 1_050 });
    const effects = job.answer(1, status(200));
    expect(effects).toContainEqual({ type: 'withdraw', leg: 0, attempt: 1 });
    expect(job.run.end).toMatchObject({ state: 'completed', attempt: 2 });
  });

  it('gets none when it has answered, and one for a try that came later', () => {
    const job = hedged();
    job.answer(0, status(503));
    job.at = 50;
    job.wake();
    expect(job.run.legs).toHaveLength(1);
    job.at = job.readyAt(0);
    job.send(0);
    job.at += 50;
    job.wake();
    expect(job.run.legs).toHaveLength(2);
  });

  it('gets no third one, and the second is not tried again', () => {
    const job = hedged();
    job.send(0);
    job.at = 50;
    job.wake();
    job.send(1);
    job.at = 100;
    job.wake();
    expect(job.run.legs).toHaveLength(2);
    job.settle(1, status(503));
    expect(job.liveLegs).toEqual([0]);
    job.settle(0, status(200));
    expect(job.run.end?.state).toBe('completed');
  });

  it('fails only when both have failed', () => {
    const job = hedged({ retry_policy: { max_retries: 0, max_reroutes: 0 } });
    job.send(0);
    job.at = 50;
    job.wake();
    job.settle(0, UNREACHABLE);
    expect(job.run.end).toBeNull();
    job.answer(1, TIMEOUT);
    expect(job.run.end?.state).toBe('failed');
  });

  it('gets it from another region where one lives', () => {
    const request = {
      regions: ['iad', 'fra'],
      execution_mode: 'failover',
      hedge_after_ms: 50,
    } as const;
    const job = new JobScript(request, { liveRegions: ['iad', 'fra'], hedging: FREE });
    job.send(0);
    job.at = 50;
    job.wake();
    expect(job.leg(1).region).toBe('fra');
  });

  it('gets none without budget, before anything is known of the target, or where nobody counts', () => {
    const cases: (Hedging | undefined)[] = [{ ...FREE, allows: () => false }, undefined];
    for (const hedging of cases) {
      const job = new JobScript({ hedge_after_ms: 50 }, hedging === undefined ? {} : { hedging });
      job.send(0);
      job.at = 50;
      job.wake();
      expect(job.run.legs).toHaveLength(1);
    }
    const unknown = new JobScript(
      { hedge_percentile: 95 },
      { hedging: { ...FREE, latencyMs: () => null } },
    );
    unknown.send(0);
    expect(unknown.wakeAt).toBe(86_400_000);
    const known = new JobScript({ hedge_percentile: 95 }, { hedging: FREE });
    known.send(0);
    expect(known.wakeAt).toBe(80);
  });
});

describe('a job that must start before an instant', () => {
  it('fails when it has not', () => {
    const job = new JobScript({
      execute_before: START + 500,
      fallback_job: { url: 'https://b.example' },
    });
    expect(job.wakeAt).toBe(500);
    job.at = 500;
    job.wake();
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'execution_deadline_exceeded' });
    expect(job.run.attempts).toBe(0);
  });

  it('may end after it, but is not tried again', () => {
    const job = new JobScript({ execute_before: START + 500 });
    job.send(0);
    job.at = 800;
    job.wake();
    expect(job.run.end).toBeNull();
    job.settle(0, status(503));
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'status_503' });
    const other = new JobScript({ execute_before: START + 500 });
    other.send(0);
    other.at = 800;
    other.settle(0, status(200));
    expect(other.run.end?.state).toBe('completed');
  });

  it('starts no fallback after it', () => {
    const job = new JobScript({
      execute_before: START + 500,
      fallback_job: { url: 'https://b.example', trigger: { type: 'on_timeout', timeout_ms: 600 } },
    });
    job.send(0);
    job.at = 700;
    job.wake();
    expect(job.run.legs).toHaveLength(1);
    job.settle(0, TIMEOUT);
    expect(job.run.end?.state).toBe('failed');
  });
});

it('the first slow call to a new origin gets its second one, and without a budget none does', () => {
  const isAllowed = (percent: number) => new CallRecord().allows(percent);
  expect([0, 1, 10].map(isAllowed)).toEqual([false, true, true]);
  const record = new CallRecord();
  const allowed = Array.from({ length: 8 }, () => record.allows(10)).filter(Boolean);
  expect(allowed).toHaveLength(5);
});

it('second calls never are more than five and their share of all calls', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 100 }),
      fc.array(fc.boolean(), { maxLength: 4_000, size: 'max' }),
      (percent, slow) => {
        let budget: HedgeBudget = NO_CALLS;
        let calls = 0;
        let hedges = 0;
        for (const isSlow of slow) {
          budget = withCall(budget, false);
          calls += 1;
          if (!isSlow || !allowsHedge(budget, percent)) continue;
          budget = withCall(budget, true);
          calls += 1;
          hedges += 1;
        }
        const free = percent === 0 ? 0 : 5;
        expect((hedges - free) * 100).toBeLessThanOrEqual(percent * calls);
      },
    ),
  );
});

it('percentiles of the answers’ times are right to within a tenth, and follow the target', () => {
  const latencies = new Latencies();
  for (let answer = 1; answer < 20; answer += 1) latencies.note(answer);
  expect(latencies.percentile(95)).toBeNull();
  const even = new Latencies();
  for (let answer = 1; answer <= 500; answer += 1) even.note(answer);
  for (const percent of [50, 90, 99]) {
    const found = even.percentile(percent) ?? 0;
    expect(found).toBeGreaterThanOrEqual(percent * 5);
    expect(found).toBeLessThanOrEqual(percent * 5 * 1.1 + 1);
  }
  for (let answer = 0; answer < 10_000; answer += 1) even.note(2_000);
  expect(even.percentile(50)).toBeGreaterThan(1_900);
  even.note(Number.MAX_VALUE);
  expect(even.percentile(100)).toBeGreaterThan(800_000);
});
