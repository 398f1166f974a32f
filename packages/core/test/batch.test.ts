import { afterEach, beforeEach, expect, it } from 'vitest';
import { EZThrottle, RateLimitError, ValidationError, type Metadata } from '@ezthrottle/core';
import { LIMITS } from '@ezthrottle/core/protocol';
import { listen, type Answer, type Loopback, type Seen } from './loopback.ts';

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

interface Batch {
  readonly jobs: readonly { readonly url: string }[];
}

function jobsIn({ text }: Seen): readonly { readonly url: string }[] {
  const batch: Batch = JSON.parse(text);
  return batch.jobs;
}

/** Takes every job, and names it by its address; no body may be longer than this. */
function taking(maxBytes: number): Answer {
  return (request) => {
    if (request.bytes.length > maxBytes) return { status: 413 };
    const results = jobsIn(request).map((job) => ({ status_code: 201, body: { job_id: job.url } }));
    return { status: 200, body: { results } };
  };
}

it('a job that cannot be written has its error, and the others are sent', async () => {
  server.answer = taking(LIMITS.requestBytes);
  const metadata: Metadata = Object.assign(JSON.parse('{}'), { big: 1n });
  const none: typeof metadata & { url: string } = JSON.parse('null');
  const jobs = [{ url: `${url}0` }, { url: `${url}1`, metadata }, none, { url: `${url}3` }];
  const answers = await client.submitJobs(jobs);
  expect(answers).toMatchObject([
    { ok: true, job: { job_id: `${url}0` } },
    { ok: false, error: { code: 'validation_failed', problems: [{ path: 'metadata' }] } },
    { ok: false, error: { code: 'validation_failed' } },
    { ok: true, job: { job_id: `${url}3` } },
  ]);
  expect(server.seen.map((request) => jobsIn(request).length)).toEqual([2]);
  server.answer = () => ({ status: 500 });
  expect(await client.submitJobs([none])).toMatchObject([{ ok: false }]);
  expect(server.seen).toHaveLength(1);
});

it('a batch that is too long for one request goes in several, and its answers stay in order', async () => {
  server.answer = taking(LIMITS.requestBytes);
  const jobs = Array.from({ length: 1_000 }, (_, index) => ({
    url: `${url}${index}`,
    method: 'POST',
    body: 'é'.repeat(1_000),
  }));
  const answers = await client.submitJobs(jobs);
  expect(answers).toEqual(
    jobs.map((job) => ({ ok: true, job: { job_id: job.url, status: 'queued' } })),
  );
  expect(server.seen).toHaveLength(2);
});

it('a batch of more than 1,000 jobs goes in several requests', async () => {
  server.answer = taking(LIMITS.requestBytes);
  const jobs = Array.from({ length: 2_001 }, (_, index) => ({ url: `${url}${index}` }));
  const answers = await client.submitJobs(jobs);
  expect(answers).toHaveLength(2_001);
  expect(answers.at(-1)).toMatchObject({ job: { job_id: `${url}2000` } });
  expect(server.seen.map((request) => jobsIn(request).length)).toEqual([1_000, 1_000, 1]);
});

it('a server with a lower bound gets smaller requests, and a job that is too long alone its error', async () => {
  server.answer = taking(700);
  const jobs = Array.from({ length: 20 }, (_, index) => ({ url: `${url}${index}` }));
  const answers = await client.submitJobs([...jobs, { url: `${url}${'x'.repeat(700)}` }]);
  expect(answers.slice(0, 20)).toMatchObject(jobs.map((job) => ({ job: { job_id: job.url } })));
  expect(answers[20]).toMatchObject({ ok: false, error: { status: 413 } });
});

it('a later request that fails loses no answer to an earlier one', async () => {
  const take = taking(LIMITS.requestBytes);
  server.answer = (request) =>
    jobsIn(request)[0]?.url === `${url}1000` ? { status: 0, cut: true } : take(request);
  const jobs = Array.from({ length: 2_500 }, (_, index) => ({ url: `${url}${index}` }));
  const answers = await client.submitJobs(jobs);
  expect(answers.slice(0, 1_000).every(({ ok }) => ok)).toBe(true);
  expect(answers.slice(1_000, 2_000)).toMatchObject(
    Array.from({ length: 1_000 }, () => ({ ok: false, error: { code: 'network_error' } })),
  );
  expect(answers[2_499]).toMatchObject({ ok: true, job: { job_id: `${url}2499` } });
});
