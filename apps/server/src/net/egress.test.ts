import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { AttemptReport } from '@ezthrottle/engine';
import {
  createProxy,
  createUpstream,
  LOCALHOST_CERTIFICATE,
  type ProxyOptions,
  type TestProxy,
  type Upstream,
} from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { createUndiciExecutor } from '../execute/undici-executor.ts';
import { createAddressPolicy } from './address-policy.ts';
import type { ResolveHost } from './checked-host.ts';
import type { Egress } from './egress.ts';

const closers: (() => Promise<unknown>)[] = [];
let upstream: Upstream;
beforeEach(async () => {
  upstream = await createUpstream();
  closers.push(() => upstream.close());
});
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

interface CallOptions {
  readonly egress: Egress;
  readonly url?: string;
  readonly allow?: readonly string[];
  readonly connectTimeoutMs?: number;
  readonly timeoutMs?: number;
  /** Names that are known to the server. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
}

/** One call from the region `away`. */
async function call(options: CallOptions): Promise<AttemptReport> {
  const { egress, allow = ['127.0.0.0/8', '::1'], names = {} } = options;
  const resolve: ResolveHost = (host, callback) => {
    const found = names[host];
    const missing = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    const family = (address: string): number => (address.includes(':') ? 6 : 4);
    if (found === undefined) callback(missing, []);
    else
      callback(
        null,
        found.map((address) => ({ address, family: family(address) })),
      );
  };
  const executor = createUndiciExecutor({
    clock: systemClock,
    policy: createAddressPolicy({ allow }),
    resolve,
    ...(options.connectTimeoutMs && { connectTimeoutMs: options.connectTimeoutMs }),
    egresses: new Map([['away', egress]]),
  });
  closers.push(() => executor.close());
  const reported = new Promise<AttemptReport>((done) => {
    executor.onReports(([report]) => report !== undefined && done(report));
  });
  executor.run([
    {
      token: 'token',
      url: options.url ?? upstream.url('/x'),
      method: 'GET',
      headers: { 'proxy-authorization': 'of the target' },
      body: null,
      timeoutMs: options.timeoutMs ?? 5_000,
      region: 'away',
      maxResponseBytes: 1_000,
    },
  ]);
  return await reported;
}

async function startProxy(options: ProxyOptions = {}): Promise<TestProxy> {
  const proxy = await createProxy(options);
  closers.push(() => proxy.close());
  return proxy;
}

function through(
  { origin }: Pick<TestProxy, 'origin'>,
  more: Partial<Extract<Egress, { kind: 'proxy' }>> = {},
): Egress {
  return { kind: 'proxy', origin, authorization: null, resolves: 'server', ...more };
}

function basic(user: string): string {
  return `Basic ${Buffer.from(user).toString('base64')}`;
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('a proxy', () => {
  test('carries the call, with the user and password that it asks for and the target never sees', async () => {
    const proxy = await startProxy({ user: 'ann:pass word' });
    const report = await call({
      egress: through(proxy, { authorization: basic('ann:pass word') }),
    });
    expect(report.outcome).toMatchObject({ kind: 'response', status: 200 });
    expect(proxy.asked).toEqual([`127.0.0.1:${upstream.port}`]);
    expect(upstream.requests[0]?.headers['proxy-authorization']).toBe('of the target');
  });

  test('that asks for another password is to blame itself, and nothing of it is told', async () => {
    const proxy = await startProxy({ user: 'ann:right' });
    const { outcome } = await call({
      egress: through(proxy, { authorization: basic('ann:wrong') }),
    });
    expect(outcome).toEqual({
      kind: 'network_error',
      code: 'egress_failed',
      message: 'the egress of the region fails: its proxy answered 407',
    });
    expect(upstream.requests).toEqual([]);
  });

  test('that is not there is to blame itself', async () => {
    const proxy = await startProxy();
    await proxy.close();
    const { outcome } = await call({ egress: through(proxy) });
    expect(outcome).toEqual({
      kind: 'network_error',
      code: 'egress_failed',
      message: 'the egress of the region fails: its proxy cannot be used (ECONNREFUSED)',
    });
  });

  test('that does not answer is to blame itself', async () => {
    const silent = createTcpServer();
    const port = await listening(silent);
    silent.on('connection', (socket) => closers.push(async () => socket.destroy()));
    const egress = through({ origin: `http://127.0.0.1:${port}` });
    const { outcome } = await call({ egress, connectTimeoutMs: 200 });
    expect(outcome).toMatchObject({ kind: 'network_error', code: 'egress_failed' });
    const hasty = await call({ egress, timeoutMs: 100 });
    expect(hasty.outcome).toEqual({
      kind: 'network_error',
      code: 'egress_failed',
      message: 'the egress of the region fails: its proxy has not answered within 100 ms',
    });
  });

  test('that works is not blamed for a target that does not answer in time', async () => {
    const silent = createTcpServer();
    const port = await listening(silent);
    silent.on('connection', (socket) => closers.push(async () => socket.destroy()));
    const egress = through(await startProxy());
    for (const protocol of ['http', 'https']) {
      const url = `${protocol}://127.0.0.1:${port}/`;
      const { outcome } = await call({ egress, url, timeoutMs: 300 });
      expect(outcome.kind).toBe('timeout');
    }
  });

  test.each([
    [403, 'egress_refused'],
    [502, 'unreachable'],
    [503, 'unreachable'],
    [500, 'egress_failed'],
  ])('that answers %i means %s', async (status, code) => {
    const proxy = await startProxy();
    proxy.answer = status;
    const { outcome } = await call({ egress: through(proxy) });
    expect(outcome).toMatchObject({ kind: 'network_error', code });
  });

  test('is asked for the address that was checked, never for what a name means to it', async () => {
    const proxy = await startProxy({ names: { 'target.example': '169.254.169.254' } });
    const report = await call({
      egress: through(proxy),
      url: `http://target.example:${upstream.port}/x`,
      names: { 'target.example': ['::1', '127.0.0.1'] },
    });
    expect(report.outcome).toMatchObject({ kind: 'response', status: 200 });
    expect(proxy.asked).toEqual([`127.0.0.1:${upstream.port}`]);
    expect(upstream.requests[0]?.headers['host']).toBe(`target.example:${upstream.port}`);
  });

  test('that resolves names is not told one that is known to mean an inner address too', async () => {
    const proxy = await startProxy();
    const { outcome } = await call({
      egress: through(proxy, { resolves: 'proxy' }),
      url: `http://mixed.example:${upstream.port}/x`,
      allow: ['127.0.0.1'],
      names: { 'mixed.example': ['127.0.0.1', '10.0.0.1'] },
    });
    expect(outcome).toEqual({
      kind: 'refused',
      code: 'address_refused',
      message: 'mixed.example must not be called: it resolves to a private address',
    });
    expect(proxy.asked).toEqual([]);
  });

  test.each(['server', 'proxy'] as const)(
    'is not asked for what must not be called, as an address or by a name that is known (%s resolves)',
    async (resolves) => {
      const proxy = await startProxy();
      const egress = through(proxy, { resolves });
      const port = upstream.port;
      const names = { 'inner.example': ['127.0.0.1'] };
      const byName = call({ egress, allow: [], names, url: `http://inner.example:${port}/` });
      expect((await byName).outcome).toMatchObject({ kind: 'refused', code: 'address_refused' });
      const byAddress = call({ egress, allow: [], names, url: `http://127.0.0.1:${port}/` });
      expect((await byAddress).outcome).toMatchObject({ kind: 'refused', code: 'address_refused' });
      expect(proxy.asked).toEqual([]);
    },
  );

  test('that resolves names itself is told the name, also one that only it knows', async () => {
    const proxy = await startProxy({ names: { 'only.there': '127.0.0.1' } });
    const egress = through(proxy, { resolves: 'proxy' });
    const report = await call({ egress, url: `http://only.there:${upstream.port}/x` });
    expect(report.outcome).toMatchObject({ kind: 'response', status: 200 });
    expect(proxy.asked).toEqual([`only.there:${upstream.port}`]);
    const unknown = await call({
      egress: through(proxy),
      url: `http://only.there:${upstream.port}/x`,
    });
    expect(unknown.outcome).toMatchObject({ kind: 'network_error', code: 'dns_failed' });
  });
});

describe('TLS', () => {
  const trusted = getCACertificates('default');
  beforeEach(() => setDefaultCACertificates([...trusted, LOCALHOST_CERTIFICATE.cert]));
  afterEach(() => setDefaultCACertificates(trusted));

  test('with the target goes through the tunnel, by the name of the target', async () => {
    const proxy = await startProxy({ tls: true, user: 'ann:x' });
    const names = new Set<string | false | null>();
    const server = createServer(LOCALHOST_CERTIFICATE, (_request, response) => response.end('hi'));
    server.on('secureConnection', (socket) => names.add(socket.servername ?? null));
    const port = await listening(server);
    const report = await call({
      egress: through(proxy, { authorization: basic('ann:x') }),
      url: `https://target.example:${port}/`,
      names: { 'target.example': ['127.0.0.1'] },
    });
    expect(report.response).toMatchObject({ status: 200, body: 'hi' });
    expect([...names]).toEqual(['target.example']);
    expect(proxy.asked).toEqual([`127.0.0.1:${port}`]);
  });

  test('that fails with the target is the target’s failure, with the proxy the proxy’s', async () => {
    const server = createServer(LOCALHOST_CERTIFICATE, (_request, response) => response.end());
    const port = await listening(server);
    const names = { 'other.example': ['127.0.0.1'] };
    const url = `https://other.example:${port}/`;
    const target = await call({ egress: through(await startProxy()), url, names });
    expect(target.outcome).toMatchObject({ kind: 'network_error', code: 'tls_failed' });
    setDefaultCACertificates(trusted);
    const proxy = await call({ egress: through(await startProxy({ tls: true })) });
    expect(proxy.outcome).toMatchObject({ kind: 'network_error', code: 'egress_failed' });
  });
});

describe('a local address', () => {
  test('is where the call comes from', async () => {
    const from: (string | undefined)[] = [];
    const server = createHttpServer((request, response) => {
      from.push(request.socket.remoteAddress);
      response.end();
    });
    const port = await listening(server);
    const url = `http://127.0.0.1:${port}/`;
    await call({ egress: { kind: 'local_address', address: '127.0.0.2' }, url });
    await call({ egress: { kind: 'direct' }, url });
    expect(from).toEqual(['127.0.0.2', '127.0.0.1']);
  });

  test('that the machine does not have is to blame itself', async () => {
    const { outcome } = await call({ egress: { kind: 'local_address', address: '192.0.2.7' } });
    expect(outcome).toMatchObject({ kind: 'network_error', code: 'egress_failed' });
    expect(upstream.connections).toBe(0);
  });

  test('does not lead to targets that have only addresses of the other kind', async () => {
    const egress: Egress = { kind: 'local_address', address: '127.0.0.2' };
    const url = `http://six.example:${upstream.port}/`;
    const byName = await call({ egress, url, names: { 'six.example': ['::1'] } });
    const byAddress = await call({ egress, url: `http://[::1]:${upstream.port}/` });
    for (const { outcome } of [byName, byAddress]) {
      expect(outcome).toMatchObject({ kind: 'network_error', code: 'egress_refused' });
    }
  });

  test('leads nowhere that must not be called', async () => {
    const egress: Egress = { kind: 'local_address', address: '127.0.0.2' };
    const { outcome } = await call({ egress, allow: [] });
    expect(outcome).toMatchObject({ kind: 'refused', code: 'address_refused' });
  });
});
