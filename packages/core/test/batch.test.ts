import { afterEach, beforeEach, expect, it } from 'vitest';
import { EZThrottle, RateLimitError, ValidationError } from '@ezthrottle/core';
import { listen, type Loopback } from './loopback.ts';

let server: Loopback;
let client: EZThrottle;

beforeEach(async () => {
  server = await listen(() => ({ status: 200, body: { results: [] } }));
  client = new EZThrottle({ apiKey: 'k', baseUrl: server.url, retry: { baseDelayMs: 1 } });
});

afterEach(() => server[Symbol.asyncDispose]());

const url = 'https://api.example/';

it('a batch is one request, and each of its jobs has an answer or an error of its own', async () => {
  const problem = { path: 'url', message: 'is no address', expected: 'an absolute URL' };
  const results = [
    { status_code: 201, body: { job_id: 'a', status: 'queued' } },
    { status_code: 400, body: { error: 'validation_failed', message: 'no', problems: [problem] } },
    { status_code: 200, body: { job_id: 'a', duplicate: true } },
    { status_code: 429, body: { error: 'rate_limited', message: 'full', retry_at: 5_000 } },
  ];
  server.answer = () => ({ status: 200, body: { results } });
  const jobs = [{ url, idempotentKey: 'k' }, { url: '' }, { url, idempotentKey: 'k' }, { url }];
  const [first, invalid, again, full] = await client.submitJobs(jobs);
  expect(first).toEqual({ ok: true, job: { job_id: 'a', status: 'queued' } });
  expect(again).toMatchObject({ ok: true, job: { job_id: 'a', duplicate: true } });
  expect(invalid).toMatchObject({ ok: false, error: { status: 400, problems: [problem] } });
  expect(invalid?.ok === false && invalid.error).toBeInstanceOf(ValidationError);
  expect(full?.ok === false && full.error).toBeInstanceOf(RateLimitError);
  expect(full).toMatchObject({ error: { retryAt: 5_000, retryable: true } });

  const [request] = server.seen;
  expect(server.seen).toHaveLength(1);
  expect(`${request?.method} ${request?.path}`).toBe('POST /api/v1/jobs/batch');
  expect(JSON.parse(request?.text ?? '')).toEqual({
    jobs: [
      { url, method: 'GET', idempotent_key: 'k' },
      { url: '', method: 'GET' },
      { url, method: 'GET', idempotent_key: 'k' },
      { url, method: 'GET' },
    ],
  });
});

it('a batch is sent again when its answer was lost: the server knows the jobs that it has', async () => {
  server.answer = () =>
    server.seen.length === 1
      ? { status: 200, cut: true }
      : { status: 200, body: { results: [{ status_code: 200, body: { job_id: 'a' } }] } };
  expect(await client.submitJobs([{ url }])).toMatchObject([{ ok: true, job: { job_id: 'a' } }]);
});

it('an empty batch is not sent', async () => {
  expect(await client.submitJobs([])).toEqual([]);
  expect(server.seen).toEqual([]);
});

it.each([
  ['answers that are missing', { results: [] }],
  ['no list', {}],
  ['an answer without a status', { results: [{ body: {} }] }],
  ['a job without an id', { results: [{ status_code: 201, body: {} }] }],
])('%s are told, and no job is passed over in silence', async (_, body) => {
  server.answer = () => ({ status: 200, body });
  await expect(client.submitJobs([{ url }])).rejects.toMatchObject({ code: 'unexpected_answer' });
});
