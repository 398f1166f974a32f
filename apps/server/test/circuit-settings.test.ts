import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, until } from './running-server.ts';

let server: RunningServer;
let upstream: Upstream;
beforeEach(async () => {
  upstream = await createUpstream({ status: 502 });
});
afterEach(async () => {
  await server.close();
  await upstream.close();
});

async function start(circuit: Readonly<Record<string, string>>): Promise<void> {
  server = await startServer(circuit);
  await server.call('PUT', limit(), { rate: 500, concurrency: 1 });
  for (let job = 0; job < 6; job += 1) {
    await server.call('POST', '/api/v1/jobs', {
      url: upstream.url('/x'),
      idempotent_key: `job-${job}`,
      retry_policy: { max_retries: 0, max_reroutes: 0 },
    });
  }
}

function limit(): string {
  return `/api/v1/limits/${encodeURIComponent(`destination:${upstream.origin}`)}`;
}

async function circuit(): Promise<unknown> {
  return objectOf((await server.call('GET', limit())).json['state'])['circuit'];
}

test('a destination is taken for down as the operator has said, and tried again', async () => {
  await start({ 'circuit-failures': '2', 'circuit-window': '0', 'circuit-open': '300ms' });
  expect(await until(circuit, (state) => state === 'open')).toBe('open');
  expect(upstream.requests).toHaveLength(2);
  upstream.script({ status: 200 });
  await upstream.waitFor(6);
});

test('no destination is taken for down where the operator wants it so', async () => {
  await start({ 'circuit-failures': '0', 'circuit-window': '0' });
  await upstream.waitFor(6);
  expect(await circuit()).toBe('closed');
});
