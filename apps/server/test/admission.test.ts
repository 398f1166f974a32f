import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer, textOf } from './running-server.ts';

let server: RunningServer;

beforeAll(async () => {
  server = await startServer({ 'memory-limit-mb': '1000000' });
  // The same folder under a ceiling that is certainly exceeded.
  const job = { url: 'http://127.0.0.1:9/', retry_at: Date.now() + 3_600_000 };
  await server.call('POST', '/api/v1/jobs', { ...job, idempotent_key: 'early' });
  await server.restart(async () => undefined, { 'memory-limit-mb': '1' });
});

afterAll(async () => {
  await server.close();
});

test('over its ceiling the server turns new jobs away, and says when to come back', async () => {
  const waits: unknown[] = [];
  for (let n = 0; n < 6; n += 1) {
    const before = Date.now();
    const reply = await server.call('POST', '/api/v1/jobs', { url: `http://127.0.0.1:9/${n}` });
    expect([reply.status, reply.json['error'], reply.json['limit_reason']]).toEqual([
      429,
      'rate_limited',
      'memory',
    ]);
    const { retry_after: retryAfter, retry_at: retryAt } = reply.json;
    expect(reply.headers.get('retry-after')).toBe(String(retryAfter));
    const off = Number(retryAt) - before - Number(retryAfter) * 1_000;
    expect(off).toBeGreaterThanOrEqual(0);
    expect(off).toBeLessThan(5_000);
    waits.push(retryAfter);
  }
  expect(waits).toEqual([5, 10, 20, 40, 60, 60]);
});

test('a job that was accepted before is still answered, and one that was turned away left no trace', async () => {
  const job = { url: 'http://127.0.0.1:9/', idempotent_key: 'early' };
  const known = await server.call('POST', '/api/v1/jobs', job);
  expect([known.status, known.json['duplicate']]).toEqual([200, true]);
  expect(textOf(known.json['job_id'])).toMatch(/^[\da-f-]{36}$/);
  const { jobs } = (await server.call('GET', '/api/v1/jobs')).json;
  expect(jobs).toHaveLength(1);
});

test('a job that is wrong is told so, full or not', async () => {
  expect((await server.call('POST', '/api/v1/jobs', { url: 'x' })).status).toBe(400);
});
