// Regions of a real server: their ways out, what happens when one fails, and what is shown of it.

import { createServer, type Server } from 'node:http';
import { createProxy, createUpstream, type TestProxy, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Reply, type RunningServer, startServer, textOf, until } from './running-server.ts';

let server: RunningServer | null;
let upstream: Upstream;
let proxy: TestProxy;
beforeEach(async () => {
  server = null;
  upstream = await createUpstream();
  proxy = await createProxy({ user: 'ann:secret-word' });
});
afterEach(async () => {
  await server?.close();
  await proxy.close();
  await upstream.close();
});

async function start(regions: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  server = await startServer({
    region: [regions],
    rate: [`${upstream.origin}=200`],
    'circuit-window': '0',
    ...more,
  });
}

function call(...request: Parameters<RunningServer['call']>): Promise<Reply> {
  if (server === null) throw new Error('no server');
  return server.call(...request);
}

function through(user = 'ann:secret-word'): string {
  return `http://${user}@127.0.0.1:${proxy.port}`;
}

let keys = 0;
async function submit(job: Readonly<Record<string, unknown>> = {}): Promise<Reply> {
  keys += 1;
  const reply = await call('POST', '/api/v1/jobs', {
    url: upstream.url('/x'),
    idempotent_key: `key-${keys}`,
    ...job,
  });
  expect(reply.status).toBe(201);
  return reply;
}

async function ended(submitted: Reply): Promise<Record<string, unknown>> {
  const path = `/api/v1/jobs/${textOf(submitted.json['job_id'])}`;
  const reply = await until(
    () => call('GET', path),
    ({ json }) => /completed|failed|deadletter/.test(textOf(json['state'])),
  );
  return reply.json;
}

const regionsOf = ({ attempts }: Record<string, unknown>): unknown[] =>
  Array.isArray(attempts) ? attempts.map(({ region }) => region) : [];

describe('a region', () => {
  test('is the way out of the calls that name it; others leave from the first', async () => {
    const from: unknown[] = [];
    const target: Server = createServer((request, response) => {
      const { headers, socket } = request;
      from.push([headers['x-ezthrottle-region'], socket.remoteAddress]);
      response.end();
    });
    await new Promise<void>((resolve) => {
      target.listen(0, '127.0.0.1', resolve);
    });
    const address = target.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
    await start(`iad=direct,lax=127.0.0.2,fra=${through()}`);
    for (const regions of [[], ['lax'], ['fra']]) await ended(await submit({ url, regions }));
    await new Promise((resolve) => target.close(resolve));
    expect(from).toEqual([
      ['iad', '127.0.0.1'],
      ['lax', '127.0.0.2'],
      ['fra', '127.0.0.1'],
    ]);
    expect(proxy.asked).toHaveLength(1);
  });

  test('is the way out of the webhooks that name it', async () => {
    await start(`iad,fra=${through()}`);
    const webhooks = [{ url: upstream.url('/hook'), regions: ['fra'] }];
    await submit({ webhooks });
    await upstream.waitFor((requests) => requests.some(({ path }) => path === '/hook'));
    expect(proxy.asked).toHaveLength(1);
  });

  test('that the server does not have is warned of, and another takes its place unless it is strict', async () => {
    await start('iad');
    const loose = await submit({
      regions: ['xyz'],
      webhooks: [{ url: upstream.url('/h'), regions: ['abc'] }],
    });
    expect(loose.json['warnings']).toEqual([
      { path: 'webhooks[0].regions[0]', message: 'is not a region of this server' },
      { path: 'regions[0]', message: 'is not a region of this server' },
    ]);
    expect(await ended(loose)).toMatchObject({ state: 'completed', attempts: [{ region: 'iad' }] });
    const strict = await ended(await submit({ regions: ['xyz'], region_policy: 'strict' }));
    expect(strict).toMatchObject({ state: 'failed', attempts: [] });
  });
});

describe('a region whose egress fails', () => {
  const failover = { regions: ['fra', 'iad'], execution_mode: 'failover' };

  test('is passed over by all jobs that may use another, and shown; the target is not blamed', async () => {
    proxy.answer = 407;
    await start(`iad,fra=${through()}`, { 'circuit-open': '60s' });
    for (let call = 0; call < 5; call += 1) {
      expect(regionsOf(await ended(await submit(failover)))).toEqual(['fra', 'iad']);
    }
    const health = await call('GET', '/health');
    expect(health.json['regions']).toEqual([
      { name: 'iad', egress: 'direct', state: 'up', unreachable: 0 },
      { name: 'fra', egress: 'proxy', state: 'down', unreachable: 0 },
    ]);
    const other = upstream.origin.replace('127.0.0.1', 'localhost');
    expect(regionsOf(await ended(await submit(failover)))).toEqual(['iad']);
    expect(regionsOf(await ended(await submit({ ...failover, url: `${other}/y` })))).toEqual([
      'iad',
    ]);
    expect(proxy.asked).toHaveLength(5);
  });

  test('for one target only is passed over for that one', async () => {
    proxy.answer = 403;
    await start(`iad,fra=${through()}`, { 'circuit-open': '60s' });
    for (let call = 0; call < 5; call += 1) await ended(await submit(failover));
    expect(regionsOf(await ended(await submit(failover)))).toEqual(['iad']);
    const health = await call('GET', '/health');
    expect(health.json['regions']).toContainEqual({
      name: 'fra',
      egress: 'proxy',
      state: 'up',
      unreachable: 1,
    });
    proxy.answer = null;
    const url = `${upstream.origin.replace('127.0.0.1', 'localhost')}/y`;
    expect(regionsOf(await ended(await submit({ ...failover, url })))).toEqual(['fra']);
  });

  test('is back when a try gets through', async () => {
    proxy.answer = 500;
    await start(`iad,fra=${through()}`, { 'circuit-open': '50ms', 'circuit-max-open': '50ms' });
    for (let call = 0; call < 5; call += 1) await ended(await submit(failover));
    proxy.answer = null;
    const asked = proxy.asked.length;
    await until(
      async () => regionsOf(await ended(await submit(failover))).join(),
      (regions) => regions === 'fra',
    );
    expect(proxy.asked.length).toBeGreaterThan(asked);
    const [, fra] = (await call('GET', '/health')).json['regions'] as unknown[];
    expect(fra).toMatchObject({ state: 'coming_back' });
  });

  test('fails its strict jobs, and tells nobody where its proxy is or who uses it', async () => {
    await start(`iad,fra=${through('ann:other-word')}`);
    const job = await ended(await submit({ regions: ['fra'], region_policy: 'strict' }));
    expect(job).toMatchObject({
      state: 'failed',
      attempts: [{ region: 'fra' }, { region: 'fra' }, { region: 'fra' }],
    });
    const shown = JSON.stringify(job) + (await call('GET', '/health')).text;
    expect(shown).toContain('egress_failed');
    for (const secret of ['ann', 'other-word', `:${proxy.port}`]) {
      expect(shown).not.toContain(secret);
    }
  });

  test('delivers its webhooks from the others', async () => {
    proxy.answer = 407;
    await start(`iad,fra=${through()}`, { 'delivery-delays': '0s,100ms' });
    await submit({ webhooks: [{ url: upstream.url('/hook'), regions: ['fra', 'iad'] }] });
    await upstream.waitFor((requests) => requests.some(({ path }) => path === '/hook'));
    expect(proxy.asked).toHaveLength(1);
  });
});
