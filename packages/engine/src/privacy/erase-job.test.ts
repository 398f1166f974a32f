import type { JobRequest } from '@ezthrottle/core/protocol';
import { describe, expect, test } from 'vitest';
import { toJobSpec } from '../admit/to-job-spec.ts';
import { erasedSpec, redactedResponse } from './erase-job.ts';

const RULES = { headers: ['authorization'], paths: ['$.a', '$.items[*]'] };
const MAX_BYTES = 1_048_576;
const URL_OF_JOB = 'https://api.example.com/';

function specOf(job: Partial<JobRequest>): ReturnType<typeof toJobSpec> {
  return toJobSpec({ url: URL_OF_JOB, method: 'POST', ...job });
}

describe('redaction of requests', () => {
  test('of which nothing is in a job leaves it whole, so that it can be sent again', () => {
    const spec = specOf({ body: '{"b":1}' });
    expect(erasedSpec(spec, { part: 'request', rules: RULES })).toBe(spec);
  });

  test('tells once what it has taken, also out of a job that follows', () => {
    const next = { url: URL_OF_JOB, headers: { Authorization: 'x' } };
    const spec = specOf({ on_success: next });
    const erased = erasedSpec(spec, { part: 'request', rules: RULES });
    expect(erased.erased).toEqual(['request']);
    expect(erased.paths[0].onSuccess?.erased).toEqual(['request']);
    expect(erasedSpec(erased, { part: 'request', rules: RULES })).toBe(erased);
  });

  test('withholds what cannot be looked through, and what would grow beyond its bound', () => {
    const packed = { body: 'AAEC', body_encoding: 'base64' } as const;
    for (const job of [
      { ...packed, headers: { 'content-encoding': 'gzip' } },
      { body: `{"items":[${'1,'.repeat(400_000)}1]}` },
    ]) {
      const spec = specOf(job);
      const erased = erasedSpec(spec, { part: 'request', rules: RULES });
      expect(erased.paths[0].body).toEqual({ encoding: 'utf8', data: '[redacted]' });
      expect(erasedSpec(erased, { part: 'request', rules: RULES }).paths).toEqual(erased.paths);
    }
  });
});

describe('redaction of answers', () => {
  const response = { status: 200, headers: {}, bodyEncoding: 'utf8', truncated: false } as const;

  test('keeps them within their bound, and says that they were cut', () => {
    const body = `[${'1,'.repeat(500_000)}1]`;
    const kept = redactedResponse(
      { ...response, body },
      { headers: [], paths: ['$[*]'] },
      MAX_BYTES,
    );
    expect(Buffer.byteLength(kept.body)).toBeLessThanOrEqual(MAX_BYTES);
    expect(kept).toMatchObject({
      truncated: true,
      body: expect.stringMatching(/^\["\[redacted\]",/),
    });
  });

  test('puts a mark in the place of a body that cannot be looked through', () => {
    const kept = redactedResponse({ ...response, body: '{"a":' }, RULES, MAX_BYTES);
    expect(kept).toMatchObject({ body: '[redacted]', bodyEncoding: 'utf8', truncated: true });
  });
});
