import { describe, expect, test } from 'vitest';
import type { PathSpec } from '../job/job-spec.ts';
import { attemptCall } from './attempt-call.ts';
import type { AttemptCallInput } from './attempt-call.ts';

function newPath(overrides: Partial<PathSpec> = {}): PathSpec {
  return {
    url: 'https://target.test/call',
    origin: 'https://target.test',
    method: 'POST',
    headers: {},
    body: { encoding: 'utf8', data: '{}' },
    timeoutMs: 30_000,
    regions: [],
    regionPolicy: 'fallback',
    executionMode: 'race',
    retry: { maxRetries: 3, maxReroutes: 2, retryCodes: [429], rerouteCodes: [500] },
    trigger: null,
    onSuccess: null,
    onFailure: null,
    ...overrides,
  };
}

function input(overrides: Partial<AttemptCallInput> = {}): AttemptCallInput {
  return {
    jobId: 'job-1',
    idempotentKey: 'order-7',
    sendIdempotencyKey: false,
    path: newPath({ headers: {} }),
    attempt: 3,
    token: 'token-3',
    region: 'iad',
    maxResponseBytes: 1_000,
    ...overrides,
  };
}

describe('what a target receives', () => {
  test('the call of the path, named by job, attempt and region', () => {
    const path = newPath({ headers: { accept: 'text/plain' }, method: 'PUT', timeoutMs: 900 });
    expect(attemptCall(input({ path }))).toEqual({
      token: 'token-3',
      url: path.url,
      method: 'PUT',
      headers: {
        accept: 'text/plain',
        'X-EZThrottle-Job-Id': 'job-1',
        'X-EZThrottle-Attempt': '3',
        'X-EZThrottle-Region': 'iad',
      },
      body: path.body,
      timeoutMs: 900,
      region: 'iad',
      maxResponseBytes: 1_000,
    });
  });

  test('nobody can pass off another job or attempt', () => {
    const path = newPath({
      headers: { 'x-ezthrottle-JOB-id': 'job-0', 'X-EZThrottle-Attempt': '1' },
    });
    const { headers } = attemptCall(input({ path }));
    expect(Object.keys(headers)).toHaveLength(3);
    expect(headers['X-EZThrottle-Job-Id']).toBe('job-1');
  });

  test('the idempotency key only when it was asked for', () => {
    expect(attemptCall(input()).headers).not.toHaveProperty('Idempotency-Key');
    const { headers } = attemptCall(input({ sendIdempotencyKey: true }));
    expect(headers['Idempotency-Key']).toBe('order-7');
  });

  test("a submitter's own idempotency key stays", () => {
    const path = newPath({ headers: { 'idempotency-key': 'mine' } });
    const { headers } = attemptCall(input({ path, sendIdempotencyKey: true }));
    expect(headers).toMatchObject({ 'idempotency-key': 'mine' });
    expect(headers).not.toHaveProperty('Idempotency-Key');
  });

  test('the trace where it is to be told, in the place of one that the submitter wrote', () => {
    const path = newPath({ headers: { Traceparent: 'the submitter’s' } });
    const trace = { parent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, state: 'vendor=1' };
    const told = attemptCall(input({ path, trace })).headers;
    expect([told['traceparent'], told['tracestate']]).toEqual([trace.parent, 'vendor=1']);
    expect(told).not.toHaveProperty('Traceparent');
    const untold = attemptCall(input({ path, trace: null })).headers;
    expect(untold['Traceparent']).toBe('the submitter’s');
    expect(untold).not.toHaveProperty('traceparent');
  });
});
