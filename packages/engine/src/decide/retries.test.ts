import { describe, expect, it } from 'vitest';
import {
  JobScript,
  REFUSED,
  START,
  status,
  TIMEOUT,
  UNKNOWN,
  UNREACHABLE,
} from './job-script.test-support.ts';

const hook = { url: 'https://app.example.com/hook' };

describe('a job’s own call', () => {
  it('completes on any 2xx and delivers the response to every webhook', () => {
    const job = new JobScript({ webhooks: [hook, { url: 'https://other.example.com' }] });
    expect(job.answer(0, status(204))).toEqual([
      { type: 'keep_response', attempt: 1 },
      {
        type: 'end',
        end: {
          state: 'completed',
          at: START,
          path: 0,
          attempt: 1,
          attempts: [],
          triedPaths: [0],
          error: null,
        },
      },
      { type: 'deliver', webhook: 0 },
      { type: 'deliver', webhook: 1 },
      { type: 'wake', at: null },
    ]);
    expect(job.run.state).toBe('completed');
  });

  it('fails at once on a status that nobody asked to try again', () => {
    const job = new JobScript({});
    job.answer(0, status(404));
    expect(job.run.end).toEqual({
      state: 'failed',
      at: START,
      path: 0,
      attempt: 1,
      attempts: [],
      triedPaths: [0],
      error: 'status_404',
    });
  });

  it.each([
    [0, [250, 500, 1_000]],
    [0.999_999, [500, 1_000, 2_000]],
  ])('is retried in the same region with growing waits (chance %s)', (random, waits) => {
    const job = new JobScript({}, { random });
    const seen = waits.map(() => {
      job.answer(0, status(503));
      return job.readyAt(0);
    });
    expect(seen).toEqual(waits);
    expect(job.leg(0).region).toBe('local');
    job.answer(0, status(503));
    expect(job.run.end?.error).toBe('status_503');
  });

  it('stands in line again not before the moment that Retry-After names, in seconds or as a date', () => {
    const job = new JobScript({});
    job.answer(0, status(429, { 'retry-after': '7' }));
    expect(job.readyAt(0)).toBe(7_000);
    job.answer(0, status(429, { 'retry-after': new Date(START + 90_000).toUTCString() }));
    expect(job.readyAt(0)).toBe(90_000);
  });

  it('pays no retry for a 403 that names its delay, and takes any other 403 at its word', () => {
    const job = new JobScript({});
    for (let time = 0; time < 10; time += 1) job.answer(0, status(403, { 'retry-after': '1' }));
    expect(job.run.end).toBeNull();
    job.answer(0, status(403));
    expect(job.run.end?.error).toBe('status_403');
  });

  it('pays no retry for a 429 or 503 that names its delay', () => {
    const job = new JobScript({ retry_policy: { max_retries: 1 } });
    for (let time = 0; time < 10; time += 1) job.answer(0, status(429, { 'retry-after': '1' }));
    for (let time = 0; time < 10; time += 1) job.answer(0, status(503, { 'retry-after': '1' }));
    expect(job.leg(0)).toMatchObject({ state: 'waiting', retries: 0, heldBack: 20 });
    job.answer(0, status(429));
    expect(job.leg(0)).toMatchObject({ state: 'waiting', retries: 1, heldBack: 20 });
    job.answer(0, status(429));
    expect(job.run.end?.error).toBe('status_429');
  });

  it('keeps only the first of the answers that hold it back', () => {
    const job = new JobScript({});
    for (let time = 0; time < 5; time += 1) job.answer(0, status(429, { 'retry-after': '1' }));
    const kept = job.effects.filter(({ type }) => type === 'keep_response');
    expect(kept).toEqual([{ type: 'keep_response', attempt: 1 }]);
  });

  it('fails instead of waiting past its own deadline', () => {
    const job = new JobScript({ on_failure_timeout_ms: 5_000 });
    job.answer(0, status(429, { 'retry-after': '60' }));
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'status_429', attempt: 1 });
  });

  it('is never tried again with retry_codes empty, whatever the answer names', () => {
    const job = new JobScript({ retry_policy: { retry_codes: [] } });
    job.answer(0, status(429, { 'retry-after': '1' }));
    expect(job.run.end?.error).toBe('status_429');
  });

  it.each([
    ['a listed status', status(502), 'status_502'],
    ['a network error', UNREACHABLE, 'network_error: connect ECONNREFUSED 192.0.2.1:443'],
    ['a timeout', TIMEOUT, 'timeout: no answer within 30000 ms'],
  ])('is rerouted after %s, to the same region where only one lives', (_, outcome, error) => {
    const job = new JobScript({}, { liveRegions: ['iad'] });
    job.answer(0, outcome);
    job.answer(0, outcome);
    expect(job.leg(0)).toMatchObject({ state: 'waiting', region: 'iad', reroutes: 2 });
    job.answer(0, outcome);
    expect(job.run.end?.error).toBe(error);
  });

  it('shows the last response there was, although a timeout came after it', () => {
    const job = new JobScript({});
    job.answer(0, status(500));
    job.answer(0, TIMEOUT);
    job.answer(0, TIMEOUT);
    expect(job.run.end).toMatchObject({ attempt: 1, path: 0 });
    expect(job.run.end?.error).toMatch(/^timeout/);
  });

  it('is not tried again when it may not be sent', () => {
    const job = new JobScript({});
    job.answer(0, REFUSED);
    expect(job.run.end).toMatchObject({
      state: 'failed',
      error: 'refused: address_not_allowed: 10.0.0.1 is a private address',
      attempt: null,
      path: null,
    });
  });

  it('is sent again after a crash hid the outcome, three times at most and without paying a retry', () => {
    const job = new JobScript({});
    for (let crash = 1; crash <= 3; crash += 1) {
      job.answer(0, UNKNOWN);
      expect(job.leg(0)).toMatchObject({ state: 'waiting', retries: 0, unknowns: crash });
    }
    job.answer(0, UNKNOWN);
    expect(job.run.end?.error).toBe('outcome_unknown');
  });

  it('is not sent again after a crash with repeat never', () => {
    const job = new JobScript({ repeat: 'never' });
    job.answer(0, UNKNOWN);
    expect(job.run.end?.error).toBe('outcome_unknown');
  });
});

describe('a job with a start time', () => {
  it('waits for it as scheduled, and its general deadline counts from there', () => {
    const job = new JobScript({ retry_at: START + 60_000 });
    expect(job.run.state).toBe('scheduled');
    expect(job.readyAt(0)).toBe(60_000);
    expect(job.wakeAt).toBe(60_000 + 86_400_000);
    job.at = 60_000;
    job.send(0);
    expect(job.run.state).toBe('processing');
  });

  it('starts at once when the time has passed', () => {
    const job = new JobScript({ retry_at: START - 1 });
    expect(job.run.state).toBe('pending');
    expect(job.readyAt(0)).toBe(0);
  });
});

describe('a deadline', () => {
  it.each([
    ['on_failure_timeout_ms', { on_failure_timeout_ms: 2_000 }, 2_000],
    ['24 hours', {}, 86_400_000],
  ])('of %s ends everything as failed and aborts what runs', (_, request, deadline) => {
    const job = new JobScript({
      ...request,
      webhooks: [hook],
      on_failure: { url: 'https://a.example' },
    });
    expect(job.wakeAt).toBe(deadline);
    job.send(0);
    job.at = deadline;
    const effects = job.wake();
    expect(effects).toContainEqual({ type: 'withdraw', leg: 0, attempt: 1 });
    expect(job.run.end).toMatchObject({ state: 'failed', error: 'deadline_exceeded' });
    expect(job.spawned()).toEqual(['on_failure']);
    expect(effects).toContainEqual({ type: 'deliver', webhook: 0 });
  });

  it('does not come early', () => {
    const job = new JobScript({ on_failure_timeout_ms: 2_000 });
    job.at = 1_999;
    expect(job.wake()).toEqual([]);
  });

  it('gives the job the last response it saw', () => {
    const job = new JobScript({ on_failure_timeout_ms: 2_000 });
    job.answer(0, status(503));
    job.at = 2_000;
    job.wake();
    expect(job.run.end).toMatchObject({ attempt: 1, path: 0, error: 'deadline_exceeded' });
  });

  it('lets a success through that arrives together with it', () => {
    const job = new JobScript({ on_failure_timeout_ms: 2_000 });
    job.send(0);
    job.at = 2_500;
    job.settle(0, status(200));
    expect(job.run.state).toBe('completed');
  });
});

describe('a cancelled job', () => {
  it('ends as cancelled, is delivered and spawns nothing', () => {
    const child = { url: 'https://a.example' };
    const job = new JobScript({ webhooks: [hook], on_failure: child, on_success: child });
    job.send(0);
    expect(job.decide({ type: 'cancel' })).toEqual([
      { type: 'withdraw', leg: 0, attempt: 1 },
      {
        type: 'end',
        end: {
          state: 'cancelled',
          at: START,
          path: null,
          attempt: null,
          attempts: [],
          triedPaths: [0],
          error: 'cancelled',
        },
      },
      { type: 'deliver', webhook: 0 },
      { type: 'wake', at: null },
    ]);
  });
});
