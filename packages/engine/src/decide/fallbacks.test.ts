import type { FallbackJobRequest, JobRequest, TriggerRequest } from '@ezthrottle/core/protocol';
import { describe, expect, it } from 'vitest';
import {
  JobScript,
  REFUSED,
  status,
  TIMEOUT,
  UNKNOWN,
  UNREACHABLE,
} from './job-script.test-support.ts';

const ONCE = { max_retries: 0, max_reroutes: 0 };

/** A job that tries once, with these triggers on its fallbacks in order. */
function withFallbacks(
  triggers: readonly TriggerRequest[],
  more: Partial<JobRequest> = {},
): JobScript {
  const chain = triggers.reduceRight<FallbackJobRequest | undefined>((next, trigger, index) => {
    const fallback = {
      url: `https://fallback-${index}.example.com`,
      retry_policy: ONCE,
      trigger,
      on_success: { url: 'https://after.example.com' },
      on_failure: { url: 'https://after.example.com' },
    };
    return next === undefined ? fallback : { ...fallback, fallback_job: next };
  }, undefined);
  const request = { retry_policy: ONCE, repeat: 'never' as const, ...more };
  return new JobScript(chain === undefined ? request : { ...request, fallback_job: chain });
}

function started(job: JobScript): readonly number[] {
  return job.run.paths.flatMap(({ state }, path) => (state === 'idle' ? [] : [path]));
}

describe('what starts a fallback', () => {
  const any: TriggerRequest = {};
  const onError: TriggerRequest = { type: 'on_error', codes: [500, 429] };
  const onTimeout: TriggerRequest = { type: 'on_timeout', timeout_ms: 500 };

  it.each([
    ['no condition', any, 'a status', status(404), true],
    ['no condition', any, 'a timeout', TIMEOUT, true],
    ['no condition', any, 'a refusal', REFUSED, true],
    ['on_error', onError, 'a listed status', status(500), true],
    ['on_error', onError, 'another status', status(404), false],
    ['on_error', onError, 'a network error', UNREACHABLE, true],
    ['on_error', onError, 'a timeout', TIMEOUT, true],
    ['on_error', onError, 'an outcome nobody knows', UNKNOWN, true],
    ['on_error', onError, 'a refusal', REFUSED, false],
    ['on_timeout', onTimeout, 'a timeout', TIMEOUT, true],
    ['on_timeout', onTimeout, 'an error answer', status(500), false],
    ['on_timeout', onTimeout, 'a network error', UNREACHABLE, false],
  ])('%s: %o after %s', (_name, trigger, _what, outcome, starts) => {
    const job = withFallbacks([trigger]);
    job.answer(0, outcome);
    expect(started(job)).toEqual(starts ? [0, 1] : [0]);
    expect(job.run.end === null).toBe(starts);
  });

  it('is the first in the chain that matches', () => {
    const job = withFallbacks([onTimeout, { type: 'on_error', codes: [404] }, any]);
    job.answer(0, status(500));
    expect(started(job)).toEqual([0, 3]);
  });

  it('comes after the job’s own retries and reroutes', () => {
    const job = withFallbacks([any], { retry_policy: { max_retries: 1, max_reroutes: 1 } });
    job.answer(0, status(503));
    job.answer(0, status(500));
    expect(started(job)).toEqual([0]);
    job.answer(0, status(500));
    expect(started(job)).toEqual([0, 1]);
  });

  it('is the failure of the fallback before it, down the chain', () => {
    const job = withFallbacks([any, onError]);
    job.answer(0, status(404));
    job.answer(1, status(500));
    expect(started(job)).toEqual([0, 1, 2]);
    job.answer(2, status(404));
    expect(job.run.end).toMatchObject({
      state: 'failed',
      path: 2,
      attempt: 3,
      error: 'status_404',
    });
  });
});

describe('a call that is asked to wait', () => {
  const patience = { kind: 'response', status: 429, headers: { 'retry-after': '20' } } as const;

  it('keeps its place, while the fallback for just that answer starts at once', () => {
    const job = withFallbacks([{ type: 'on_error', codes: [429] }]);
    job.send(0);
    job.settle(0, patience);
    expect(started(job)).toEqual([0, 1]);
    expect(job.liveLegs).toEqual([0, 1]);
    job.send(1);
    job.settle(1, status(200));
    expect(job.run.end).toMatchObject({ state: 'completed', path: 1 });
    expect(job.liveLegs).toEqual([]);
  });

  it('starts no fallback that waits for something else, or for any failure', () => {
    const others: TriggerRequest[] = [
      { type: 'on_error', codes: [500] },
      { type: 'on_timeout', timeout_ms: 500 },
      {},
    ];
    for (const trigger of others) {
      const job = withFallbacks([trigger]);
      job.send(0);
      job.settle(0, patience);
      expect(started(job)).toEqual([0]);
    }
  });
});

describe('the clock of on_timeout', () => {
  const onTimeout: TriggerRequest = { type: 'on_timeout', timeout_ms: 500 };

  it('runs from the first byte sent, not while the job waits for its pace', () => {
    const job = withFallbacks([onTimeout]);
    expect(job.wakeAt).toBe(86_400_000);
    job.at = 10_000;
    job.send(0);
    expect(job.wakeAt).toBe(10_500);
  });

  it('does not start again with a retry', () => {
    const job = withFallbacks([onTimeout], { retry_policy: { max_retries: 3 } });
    job.answer(0, status(503));
    job.at = 300;
    job.send(0);
    expect(job.wakeAt).toBe(500);
  });

  it('starts the fallback while the job runs on; the first success wins and stops the other', () => {
    const job = withFallbacks([onTimeout]);
    job.send(0);
    job.at = 500;
    expect(job.wake()).toEqual([
      { type: 'enqueue', leg: 1, readyAt: expect.any(Number) },
      { type: 'wake', at: expect.any(Number) },
    ]);
    expect(job.liveLegs).toEqual([0, 1]);
    job.send(1);
    const effects = job.settle(1, status(200));
    expect(effects).toContainEqual({ type: 'withdraw', leg: 0, attempt: 1 });
    expect(job.run.end).toMatchObject({ state: 'completed', path: 1, attempt: 2 });
  });

  it('lets the slow call win when it answers first after all', () => {
    const job = withFallbacks([onTimeout]);
    job.send(0);
    job.at = 500;
    job.wake();
    expect(job.settle(0, status(200))).toContainEqual({ type: 'withdraw', leg: 1, attempt: null });
    expect(job.run.end).toMatchObject({ path: 0 });
  });

  it('measures the next fallback from the one that started last', () => {
    const job = withFallbacks([onTimeout, { type: 'on_timeout', timeout_ms: 200 }]);
    job.send(0);
    job.at = 500;
    job.wake();
    expect(job.wakeAt).toBe(86_400_000);
    job.at = 900;
    job.send(1);
    expect(job.wakeAt).toBe(1_100);
    job.at = 1_100;
    job.wake();
    expect(job.liveLegs).toEqual([0, 1, 2]);
  });

  it('is measured from the fallback it hangs under, and not before that has started', () => {
    const job = withFallbacks([{ type: 'on_error', codes: [500] }, onTimeout]);
    job.send(0);
    job.at = 500;
    job.wake();
    expect(started(job)).toEqual([0]);
    job.settle(0, status(500));
    expect(started(job)).toEqual([0, 1]);
    job.send(1);
    job.at = 999;
    job.wake();
    expect(started(job)).toEqual([0, 1]);
    job.at = 1_000;
    job.wake();
    expect(started(job)).toEqual([0, 1, 2]);
    expect(job.liveLegs).toEqual([1, 2]);
  });

  it('counts although the failure was decided before the wake came', () => {
    const job = withFallbacks([onTimeout]);
    job.send(0);
    job.at = 600;
    job.settle(0, status(500));
    expect(started(job)).toEqual([0, 1]);
    expect(job.run.end).toBeNull();
  });

  it('ends the job when nothing runs any more, however soon the clock would strike', () => {
    const job = withFallbacks([onTimeout]);
    job.send(0);
    job.at = 499;
    job.settle(0, status(500));
    expect(job.run.end?.error).toBe('status_500');
  });

  it('lets the job fail only when both the call and its fallback have failed', () => {
    const job = withFallbacks([onTimeout]);
    job.send(0);
    job.at = 500;
    job.wake();
    job.settle(0, status(500));
    expect(job.run.end).toBeNull();
    job.answer(1, status(418));
    expect(job.run.end).toMatchObject({ state: 'failed', path: 1, error: 'status_418' });
  });
});

describe('a fallback that has run', () => {
  it('is not started again by the failure of a slower path before it', () => {
    const job = withFallbacks([{ type: 'on_timeout', timeout_ms: 500 }]);
    job.send(0);
    job.at = 500;
    job.wake();
    job.answer(1, status(500));
    job.settle(0, TIMEOUT);
    expect(job.run.legs).toHaveLength(2);
    expect(job.run.end).toMatchObject({ state: 'failed', path: 1 });
  });
});

describe('what follows a job', () => {
  const child = { url: 'https://child.example.com' };
  const own = { on_success: child, on_failure: child };

  it('is its on_success when it succeeded itself', () => {
    const job = withFallbacks([{}], own);
    job.answer(0, status(200));
    expect(job.spawned()).toEqual(['on_success']);
  });

  it('is its own on_success and the fallback’s when a fallback succeeded', () => {
    const job = withFallbacks([{}, {}], own);
    job.answer(0, status(400));
    job.answer(1, status(400));
    job.answer(2, status(200));
    expect(job.spawned()).toEqual(['on_success', 'fallback[1].on_success']);
  });

  it('is its own on_failure and that of every fallback that had run', () => {
    const job = withFallbacks([{}, { type: 'on_error', codes: [500] }], own);
    job.answer(0, status(400));
    job.answer(1, status(400));
    expect(job.spawned()).toEqual(['on_failure', 'fallback[0].on_failure']);
  });

  it('carries the child’s own spec', () => {
    const job = withFallbacks([], { on_success: { ...child, user_id: 'ada', method: 'post' } });
    job.answer(0, status(200));
    const spawn = job.effects.find(({ type }) => type === 'spawn');
    expect(spawn).toMatchObject({ spec: { userId: 'ada', paths: [{ method: 'POST' }] } });
  });
});
