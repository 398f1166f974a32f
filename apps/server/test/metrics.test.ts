import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, request, startServer, textOf, until } from './running-server.ts';

const GUIDE = join(import.meta.dirname, '../../../docs/guides/operations.md');

let upstream: Upstream;
let server: RunningServer | undefined;

beforeAll(async () => {
  upstream = await createUpstream({ headers: { 'X-EZThrottle-Rps': '500' } });
});
afterAll(() => upstream.close());
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

describe('GET /metrics', () => {
  test('is served on a port of its own, and tells of jobs, calls and deliveries', async () => {
    const port = await freePort();
    server = await startServer({ metrics: String(port) });
    const running = server;
    const call: RunningServer['call'] = (...given) => running.call(...given);
    const submitted = await call('POST', '/api/v1/jobs', {
      url: `${upstream.origin}/secret/path?token=hidden`,
      webhooks: [{ url: `${upstream.origin}/hook?token=hidden` }],
    });
    expect(submitted.status).toBe(201);
    const id = textOf(submitted.json['job_id']);
    await until(
      () => call('GET', `/api/v1/jobs/${id}`),
      ({ json }) => json['state'] === 'completed',
    );
    const { text } = await until(
      () => request(`http://127.0.0.1:${port}/metrics`, 'GET'),
      (answer) => answer.text.includes('ezthrottle_deliveries_ended_total{state="delivered"'),
    );
    expect(text).toMatch(
      new RegExp(
        `attempts_total\\{organization="[^"]+",destination="${upstream.origin}",outcome="2xx"\\} 1`,
      ),
    );
    expect(text).toContain('ezthrottle_jobs_accepted_total{by="submit"} 1');
    expect(text).toContain('ezthrottle_jobs_ended_total{state="completed"} 1');
    expect(text).toMatch(
      /http_requests_total\{method="POST",route="\/api\/v1\/jobs",status="201"\} 1/,
    );
    expect(text).toMatch(/ezthrottle_commit_duration_seconds_count [1-9]/);
    expect(text).toMatch(/ezthrottle_store_bytes [1-9]/);
    expect(text).not.toContain('hidden');
    expect(text).not.toContain('/secret');
    expect((await request(`http://127.0.0.1:${port}/other`, 'GET')).status).toBe(404);
    expect((await call('GET', '/metrics')).status).toBe(404);
  });

  test('is given to nobody without the token, where there is one', async () => {
    const port = await freePort();
    const token = 'a-token-of-sixteen';
    server = await startServer({ metrics: String(port), 'metrics-token': token });
    const url = `http://127.0.0.1:${port}/metrics`;
    expect((await request(url, 'GET')).status).toBe(401);
    expect((await request(url, 'GET', undefined, { authorization: 'Bearer wrong' })).status).toBe(
      401,
    );
    const allowed = await request(url, 'GET', undefined, { authorization: `Bearer ${token}` });
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get('content-type')).toContain('version=0.0.4');
  });

  test('keeps the server from starting where its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(startServer({ metrics: String(port) })).rejects.toThrow(
      `cannot serve metrics on port ${port}`,
    );
    taken.close();
  });

  test('has every family in the guide, and no other', async () => {
    const port = await freePort();
    server = await startServer({ metrics: String(port) });
    const { text } = await request(`http://127.0.0.1:${port}/metrics`, 'GET');
    const families = [...text.matchAll(/^# TYPE (ezthrottle_\w+)/gm)].map(([, name]) => name);
    const guide = readFileSync(GUIDE, 'utf8');
    const [, table = ''] = guide.split('| metric | labels | tells |');
    const rows = table.split('\n\n', 1).join('');
    const told = [...rows.matchAll(/`(ezthrottle_\w+)`/g)].map(([, name]) => name);
    expect(new Set(told)).toEqual(new Set(families));
    const [, rules = ''] = guide.split('```yaml\ngroups:');
    for (const [name] of rules
      .split('```', 1)
      .join('')
      .matchAll(/(?:ezthrottle|nodejs)_\w+/g)) {
      expect(text).toContain(`# TYPE ${name.replace(/_bucket$/, '')} `);
    }
  });
});

describe('GET /health and GET /ready', () => {
  test('tell what there is to do, and that requests may come, without a key', async () => {
    server = await startServer();
    const health = await request(`${server.url}/health`, 'GET');
    expect(health.json).toMatchObject({
      status: 'ok',
      uptime_seconds: expect.any(Number),
      oldest_wait_ms: null,
      calls_in_flight: 0,
      deliveries: { in_flight: 0, waiting: 0 },
    });
    const ready = await server.call('GET', '/ready');
    expect([ready.status, ready.json]).toEqual([200, { status: 'ready' }]);
  });
});
