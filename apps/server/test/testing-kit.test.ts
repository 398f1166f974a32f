import type { FallbackJobRequest, JobRequest } from '@ezthrottle/core/protocol';
import { toJobSpec } from '@ezthrottle/engine';
import { createTestServer } from '@ezthrottle/testing';
import { ORGANIZATION } from '@ezthrottle/testkit/store-data';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDispatchHarness } from './dispatch-harness.ts';
import { objectOf, type RunningServer, startServer } from './running-server.ts';

const ORIGIN = 'https://target.test';
const STATUSES = [200, 200, 404, 429, 500, 503] as const;

/** Of each name, what its calls are answered with; the last repeats. */
type Answers = Readonly<Record<string, readonly number[]>>;

interface Story {
  readonly job: JobRequest;
  readonly answers: Answers;
}

const NAMES = ['root', 'first', 'second', 'success', 'failure'] as const;

const call = (name: string): fc.Arbitrary<JobRequest> =>
  fc.record({
    url: fc.constant(`${ORIGIN}/${name}`),
    retry_policy: fc.record({
      max_retries: fc.integer({ min: 0, max: 2 }),
      max_reroutes: fc.integer({ min: 0, max: 1 }),
    }),
  });

const trigger = fc.oneof(
  fc.constant({}),
  fc.constant({ type: 'on_error' as const, codes: [404, 503] }),
);

const stories: fc.Arbitrary<Story> = fc.record({
  job: fc
    .record({
      root: call('root'),
      first: fc.option(fc.tuple(call('first'), trigger)),
      second: fc.option(fc.tuple(call('second'), trigger)),
      success: fc.option(call('success')),
      failure: fc.option(call('failure')),
    })
    .map(({ root, first, second, success, failure }): JobRequest => {
      const last: FallbackJobRequest | null = second && { ...second[0], trigger: second[1] };
      const next: FallbackJobRequest | null = first && {
        ...first[0],
        trigger: first[1],
        ...(last === null ? {} : { fallback_job: last }),
      };
      return {
        ...root,
        ...(next === null ? {} : { fallback_job: next }),
        ...(success === null ? {} : { on_success: success }),
        ...(failure === null ? {} : { on_failure: failure }),
      };
    }),
  answers: fc.record(
    Object.fromEntries(
      NAMES.map((name) => [
        name,
        fc.array(fc.constantFrom(...STATUSES), { minLength: 1, maxLength: 4 }),
      ]),
    ),
  ),
});

/** Which names were called in which order, and how the root ended. */
interface Course {
  readonly calls: readonly string[];
  readonly end: unknown;
}

function answerOf(answers: Answers, url: string, count: number): number {
  const list = answers[new URL(url).pathname.slice(1)] ?? [];
  return list[count - 1] ?? list.at(-1) ?? 200;
}

async function onTestServer({ job, answers }: Story): Promise<Course> {
  const server = createTestServer({ pace: { ratePerSecond: 1_000 } });
  for (const name of NAMES) {
    const url = `${ORIGIN}/${name}`;
    server.upstream(url, (_call, count) => answerOf(answers, url, count));
  }
  const response = await server.fetch(`${server.url}/api/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(job),
  });
  const { job_id: id } = objectOf(await response.json());
  await server.runToEnd();
  const view = await server.job(String(id));
  const { state, result } = view ?? {};
  return {
    calls: server.calls.map(({ url, attempt }) => `${url} ${attempt}`),
    end: { state, error: result?.error ?? null, path: result?.path ?? null },
  };
}

async function onServer({ job, answers }: Story): Promise<Course> {
  await using harness = await openDispatchHarness({ pace: { ratePerSecond: 1_000 } });
  const counts = new Map<string, number>();
  harness.executor.script = ({ url }) => {
    const count = (counts.get(url) ?? 0) + 1;
    counts.set(url, count);
    return { status: answerOf(answers, url, count) };
  };
  const id = await harness.submit(toJobSpec(job));
  await harness.runUntil(
    async () => {
      const { pending, scheduled, processing } = await harness.store.jobs.counts();
      return pending + scheduled + processing === 0;
    },
    120_000,
    100,
  );
  const record = await harness.store.jobs.get(ORGANIZATION.id, id);
  return {
    calls: harness.executor.sent.map(
      ({ call: sent }) => `${sent.url} ${sent.headers['X-EZThrottle-Attempt']}`,
    ),
    end: {
      state: record?.state,
      error: record?.end?.error ?? null,
      path: record?.end?.path ?? null,
    },
  };
}

describe('a server for tests', () => {
  test('makes the same calls in the same order, and ends jobs alike', async () => {
    await fc.assert(
      fc.asyncProperty(stories, async (story) => {
        expect(await onTestServer(story)).toEqual(await onServer(story));
      }),
      { numRuns: 25 },
    );
  });
});

describe('its API', () => {
  let real: RunningServer;
  beforeAll(async () => {
    real = await startServer();
  });
  afterAll(() => real.close());

  const requests: readonly (readonly [string, string, unknown?])[] = [
    ['POST', '/api/v1/jobs', { url: 'http://127.0.0.1:9/a', retryAt: 4e12, unknown: 1 }],
    ['POST', '/api/v1/jobs', { url: 'http://127.0.0.1:9/a', retryAt: 4e12 }],
    ['POST', '/api/v1/jobs', { url: 'http://127.0.0.1:9/b', retry_at: 4e12, tags: ['x'] }],
    ['POST', '/api/v1/jobs', {}],
    ['POST', '/api/v1/jobs', []],
    ['POST', '/api/v1/jobs', 'not JSON'],
    ['POST', '/api/v1/jobs', undefined],
    ['POST', '/api/v1/jobs/batch', { jobs: [{ url: 'no' }, { url: 'http://127.0.0.1:9/a' }] }],
    ['POST', '/api/v1/jobs/batch', { jobs: [] }],
    ['GET', '/api/v1/jobs'],
    ['GET', '/api/v1/jobs?limit=1'],
    ['GET', '/api/v1/jobs?tag=x&status=queued,failed'],
    ['GET', '/api/v1/jobs?limit=0&state=sleeping&cursor=!&what=1'],
    ['GET', '/api/v1/jobs/none'],
    ['DELETE', '/api/v1/jobs/00000000-0000-7000-8000-000000000000'],
    ['PUT', '/api/v1/jobs'],
    ['GET', '/api/v1/nothing'],
    ['GET', '/api/v1/webhook-secrets'],
    ['POST', '/api/v1/webhook-secrets', { primary_secret: 'short' }],
    ['POST', '/api/v1/webhook-secrets', { primary_secret: 'long enough, really' }],
    ['POST', '/api/v1/webhook-secrets/rotate', { new_secret: 'another one, as long' }],
    ['GET', '/api/v1/webhook-secrets'],
    ['DELETE', '/api/v1/webhook-secrets'],
    ['GET', '/api/v1/webhook-secrets'],
    ['GET', '/api/v1/limits'],
    ['PUT', '/api/v1/limits/tpm', { rate: 5, per_ms: 60_000, burst: 3, colour: 'red' }],
    ['PUT', '/api/v1/limits/tpm', { rate: 5, per_ms: 60_000, burst: 3 }],
    ['PUT', '/api/v1/limits/account%3Aann', { concurrency: 2 }],
    ['PUT', '/api/v1/limits/destination%3Ahttp%3A%2F%2F127.0.0.1%3A9', { rate: 2, ceiling: 9 }],
    ['PUT', '/api/v1/limits/account%3A', { rate: 0, floor: 'x', burst: 0.5 }],
    ['PUT', '/api/v1/limits/none', {}],
    ['PUT', '/api/v1/limits/none', []],
    ['PUT', '/api/v1/limits/none', undefined],
    ['PATCH', '/api/v1/limits/tpm', { rate: null, concurrency: 4, paused: true }],
    ['PATCH', '/api/v1/limits/none', { rate: 1 }],
    ['GET', '/api/v1/limits/tpm'],
    ['GET', '/api/v1/limits/none'],
    ['GET', '/api/v1/limits?limit=1'],
    ['GET', '/api/v1/limits?prefix=t'],
    ['GET', '/api/v1/limits?limit=0&cursor=!&what=1'],
    ['DELETE', '/api/v1/limits/tpm'],
    ['DELETE', '/api/v1/limits/tpm'],
    ['GET', '/api/v1/webhook-endpoints'],
    ['POST', '/api/v1/webhook-endpoints/none/enable'],
    ['POST', '/api/v1/webhook-endpoints/none/disable'],
    ['GET', '/api/v1/webhook-secrets/signing-keys'],
    ['POST', '/api/v1/webhook-secrets/signing-keys/rotate'],
    ['POST', '/api/v1/webhook-secrets/signing-keys'],
    ['POST', '/api/v1/webhook-secrets/signing-keys'],
    ['POST', '/api/v1/webhook-secrets/signing-keys/rotate'],
    ['GET', '/api/v1/webhook-secrets/signing-keys'],
    ['DELETE', '/api/v1/webhook-secrets/signing-keys'],
    ['GET', '/api/v1/jobs/none/stream'],
  ];

  test('answers with the same statuses and bodies', async () => {
    const server = createTestServer();
    for (const [method, path, body] of requests) {
      const answer = await callTest(server, method, path, body);
      const { status, text } = await real.call(method, path, body);
      expect([method, path, answer.status, shapeOf(answer.text)]).toEqual([
        method,
        path,
        status,
        shapeOf(text),
      ]);
    }
  });

  test('finds the same wrong with any job', async () => {
    const server = createTestServer();
    const values = fc.oneof(
      fc.constantFrom<unknown>(null, true, '', 'x', -1, 0.5, 600, 1e15, [], [''], {}, ['a', 7]),
      fc.string({ maxLength: 20 }),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const fields = [
      'url',
      'method',
      'headers',
      'body',
      'body_encoding',
      'timeout_ms',
      'metadata',
      'tags',
      'webhooks',
      'webhook_quorum',
      'regions',
      'region_policy',
      'execution_mode',
      'retry_policy',
      'on_success',
      'fallback_job',
      'idempotent_key',
      'retry_at',
      'priority',
    ];
    const jobs = fc
      .array(fc.tuple(fc.constantFrom(...fields), values), { minLength: 1, maxLength: 4 })
      .map((entries) => ({
        url: 'http://127.0.0.1:9/',
        retry_at: 4e12,
        ...Object.fromEntries(entries),
      }))
      .filter((job) => !JSON.stringify(job).includes('__proto__'));
    await fc.assert(
      fc.asyncProperty(jobs, async (job) => {
        const answer = await callTest(server, 'POST', '/api/v1/jobs', job);
        const { status, text } = await real.call('POST', '/api/v1/jobs', job);
        expect([answer.status, problemsOf(answer.text)]).toEqual([status, problemsOf(text)]);
      }),
      { numRuns: 150 },
    );
  });
});

async function callTest(
  server: ReturnType<typeof createTestServer>,
  method: string,
  path: string,
  body: unknown,
): Promise<{ readonly status: number; readonly text: string }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await server.fetch(`${server.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: text }),
  });
  return { status: response.status, text: await response.text() };
}

/** What differs between any two servers does not count. */
function shapeOf(text: string): unknown {
  const own = new Set(['request_id', 'job_id', 'queued_at', 'created_at', 'next_cursor']);
  for (const name of ['version', 'updated_at', 'public_key', 'previous_public_key']) own.add(name);
  const secret = new Set(['customer_id', 'idempotent_key', 'primary_secret', 'secondary_secret']);
  return JSON.parse(text, (key, value: unknown) => {
    if ((own.has(key) || secret.has(key)) && value !== null) return typeof value;
    if (key !== 'problems' || !Array.isArray(value)) return value;
    return value.map((problem) => JSON.stringify(problem)).toSorted();
  });
}

function problemsOf(text: string): unknown {
  const { problems, warnings, message } = objectOf(JSON.parse(text));
  const sorted = Array.isArray(problems)
    ? problems.map((problem) => JSON.stringify(problem)).toSorted()
    : [];
  return { problems: sorted, warnings, message };
}
