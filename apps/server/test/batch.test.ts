import { LIMITS } from '@ezthrottle/core/protocol';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  objectOf,
  request,
  type RunningServer,
  startServer,
  textOf,
  until,
} from './running-server.ts';

let server: RunningServer;
let target: Upstream;

beforeEach(async () => {
  target = await createUpstream({ body: { fine: true } });
  server = await startServer({ rate: [`${target.origin}=1000`] });
});

afterEach(async () => {
  await server.close();
  await target.close();
});

interface Item {
  readonly status: unknown;
  readonly body: Record<string, unknown>;
}

function itemsOf(reply: Record<string, unknown>): readonly Item[] {
  const { results } = reply;
  if (!Array.isArray(results)) throw new Error('no results');
  return results.map((result) => {
    const { status_code: status, body } = objectOf(result);
    return { status, body: objectOf(body) };
  });
}

async function submitted(jobs: unknown): Promise<readonly Item[]> {
  const reply = await server.call('POST', '/api/v1/jobs/batch', { jobs });
  expect(reply.status).toBe(200);
  return itemsOf(reply.json);
}

describe('a batch of jobs', () => {
  test('is answered job by job, in order, as if each had come alone', async () => {
    const url = target.url('/one');
    const items = await submitted([
      { url, idempotent_key: 'a' },
      { url: 'nowhere', webhooks: [{ url: 'neither' }] },
      { url, idempotent_key: 'a' },
      { url, method: 'POST', idempotent_key: 'a', strict_idempotency: true },
      { url, idempotentKey: 'b', colour: 'red' },
      'no job',
    ]);
    expect(items.map(({ status }) => status)).toEqual([201, 400, 200, 422, 201, 400]);
    const [first, invalid, duplicate, mismatch, tolerant] = items.map(({ body }) => body);
    expect(invalid).toMatchObject({
      error: 'validation_failed',
      problems: [{ path: 'url' }, { path: 'webhooks[0].url' }],
    });
    expect(duplicate).toMatchObject({ job_id: first?.['job_id'], duplicate: true });
    expect(mismatch).toMatchObject({ error: 'idempotency_mismatch', job_id: first?.['job_id'] });
    expect(tolerant).toMatchObject({ idempotent_key: 'b', warnings: [{ path: 'colour' }] });
    await target.waitFor(2);
    expect(target.requests).toHaveLength(2);
  });

  test('is carried out whole when it is as long as it may be', async () => {
    const jobs = Array.from({ length: LIMITS.batchJobs }, (_, n) => ({
      url: target.url(`/job/${n}`),
    }));
    const items = await submitted(jobs);
    expect(new Set(items.map(({ body }) => textOf(body['job_id']))).size).toBe(LIMITS.batchJobs);
    expect((await submitted(jobs)).every(({ status }) => status === 200)).toBe(true);
    await until(
      async () => new Set(target.requests.map(({ path }) => path)).size,
      (count) => count === jobs.length,
    );
  });

  test.each([
    ['is no list', { jobs: {} }],
    ['is empty', { jobs: [] }],
    ['is too long', { jobs: Array.from({ length: LIMITS.batchJobs + 1 }, () => ({})) }],
    ['is not there', {}],
  ])('is refused as a whole when it %s', async (_, body) => {
    const reply = await server.call('POST', '/api/v1/jobs/batch', body);
    expect(reply.status).toBe(400);
    expect(reply.json).toMatchObject({
      error: 'validation_failed',
      problems: [{ path: 'jobs', expected: 'a list of 1 to 1000 jobs' }],
    });
  });

  test('needs a key', async () => {
    const reply = await request(`${server.url}/api/v1/jobs/batch`, 'POST', { jobs: [{}] });
    expect(reply.status).toBe(401);
  });

  test('finds no room for what is new, and knows what it has taken', async () => {
    const later = { url: target.url('/later'), retry_at: Date.now() + 3_600_000 };
    await submitted([{ ...later, idempotent_key: 'known' }]);
    await server.restart(undefined, { 'max-backlog': '1' });
    const items = await submitted([
      { ...later, idempotent_key: 'known' },
      { ...later, idempotent_key: 'new' },
      { ...later, idempotent_key: 'newer' },
    ]);
    expect(items.map(({ status }) => status)).toEqual([200, 429, 429]);
    expect(items[1]?.body).toMatchObject({ error: 'rate_limited', retry_after: 5 });
    expect(items[2]?.body).toMatchObject({ retry_after: 5 });
  });
});
