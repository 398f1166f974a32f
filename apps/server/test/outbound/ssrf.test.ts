import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, textOf, until } from '../running-server.ts';
import { HOSTILE_NAMES } from './hostile-names.ts';
import { a, aaaa, createNameServer, type Rounds, type TestNameServer } from './name-server.ts';
import { type HostileTarget, SSRF_CORPUS } from './ssrf-corpus.ts';

/** Listens at every address of this machine, and keeps at which of them it was reached. */
const canary = createServer((_request, response) => {
  // Each call opens a connection of its own, and so asks for its address.
  response.writeHead(200, { connection: 'close', 'x-ezthrottle-rps': '500' }).end('reached');
});
const reached: string[] = [];
let port = 0;
let server: RunningServer | null = null;
let names: TestNameServer | null = null;

beforeAll(async () => {
  canary.on('connection', (socket) => reached.push(socket.localAddress ?? 'unknown'));
  await once(canary.listen(0), 'listening');
  const address = canary.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});

afterAll(async () => {
  canary.closeAllConnections();
  await new Promise((resolve) => canary.close(resolve));
});

afterEach(async () => {
  reached.length = 0;
  await server?.close();
  await names?.close();
  server = null;
  names = null;
});

async function start(
  records: ReadonlyMap<string, Rounds>,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<RunningServer> {
  names = await createNameServer(records);
  server = await startServer({
    'allow-loopback-targets': 'false',
    'dns-server': names.address,
    ...flags,
  });
  return server;
}

function addressOf({ url }: HostileTarget): string {
  return url.replaceAll('PORT', String(port));
}

/** How the first job of a submit ended, when it was taken. */
async function endOf(running: RunningServer, id: unknown): Promise<Record<string, unknown>> {
  const isOver = ({ state }: Record<string, unknown>): boolean =>
    state === 'failed' || state === 'completed';
  return until(async () => (await running.call('GET', `/api/v1/jobs/${textOf(id)}`)).json, isOver);
}

async function outcomesOf(
  running: RunningServer,
  urls: readonly string[],
  more: object = {},
): Promise<readonly Record<string, unknown>[]> {
  const jobs = urls.map((url) => ({
    url,
    retry_policy: { max_retries: 0, max_reroutes: 0 },
    ...more,
  }));
  const { json } = await running.call('POST', '/api/v1/jobs/batch', { jobs });
  const results: unknown = json['results'];
  if (!Array.isArray(results)) throw new Error(JSON.stringify(json));
  return results.map(objectOf);
}

const ENDS = { refused: 'address_refused', unresolved: 'dns_failed' } as const;

describe('the corpus of hostile targets', () => {
  test('is large', () => {
    expect(SSRF_CORPUS.length).toBeGreaterThanOrEqual(100);
    expect(new Set(SSRF_CORPUS.map(({ url }) => url)).size).toBe(SSRF_CORPUS.length);
  });

  test('as targets of jobs reaches nothing, and each is told why', async () => {
    // Many spellings of one address are one destination.
    const running = await start(HOSTILE_NAMES, { rate: [`http://127.0.0.1:${port}=500`] });
    const results = await outcomesOf(running, SSRF_CORPUS.map(addressOf));
    const wrong: string[] = [];
    for (const [index, target] of SSRF_CORPUS.entries()) {
      const { status_code: status, body } = results[index] ?? {};
      const said = await told(running, status, objectOf(body));
      const expected = target.ends === 'invalid' ? 'invalid' : ENDS[target.ends];
      if (said !== expected) wrong.push(`${target.url} (${target.why}): ${said}`);
    }
    expect(wrong).toEqual([]);
    expect(reached).toEqual([]);
  });

  test('as hops of a redirect reaches nothing, and each that is followed is told why', async () => {
    const records = new Map([
      ...HOSTILE_NAMES,
      ['gate.example A', [[a('gate.example', '127.0.0.1')]]] as const,
    ]);
    // What no header can hold is no hop.
    const hostile = SSRF_CORPUS.filter((target) => !/[\r\n]/.test(target.url));
    const gate = createServer((request, response) => {
      const target = hostile[Number(request.url?.slice('/?'.length))];
      const location = target === undefined ? '/' : addressOf(target);
      response.writeHead(target === undefined ? 404 : 302, {
        location: Buffer.from(location).toString('latin1'),
      });
      response.end();
    });
    await once(gate.listen(0, '127.0.0.1'), 'listening');
    const address = gate.address();
    const gatePort = typeof address === 'object' && address !== null ? address.port : 0;
    const origin = `http://gate.example:${gatePort}`;
    const running = await start(records, {
      'allow-target': ['gate.example'],
      rate: [`${origin}=1000`, `http://127.0.0.1:${port}=500`],
    });
    const urls = hostile.map((_, index) => `${origin}/?${index}`);
    const results = await outcomesOf(running, urls, { follow_redirects: 3 });
    const wrong: string[] = [];
    let refused = 0;
    for (const [index, target] of hostile.entries()) {
      const job = await endOf(running, objectOf(results[index]?.['body'])['job_id']);
      const attempts = Array.isArray(job['attempts']) ? job['attempts'].map(objectOf) : [];
      const last = String(attempts.at(-1)?.['error'] ?? attempts.at(-1)?.['status_code']);
      const isRefused = last.includes('address_refused') || last.includes('dns_failed');
      if (isRefused) refused += 1;
      // Relative ones of those that are no targets of jobs lead back to the gate; bytes of a header are no letters.
      const isOther = target.ends === 'invalid' || /[^\p{ASCII}]/u.test(target.url);
      const isMeant = isOther || isRefused;
      if (job['state'] !== 'failed' || !isMeant) wrong.push(`${target.url}: ${last}`);
    }
    gate.closeAllConnections();
    gate.close();
    expect(wrong).toEqual([]);
    expect(refused).toBeGreaterThan(60);
    expect(reached).toEqual([]);
  });

  test('as webhooks reaches nothing, and each is told why', async () => {
    const records = new Map([
      ...HOSTILE_NAMES,
      ['ok.example A', [[a('ok.example', '127.0.0.1')]]] as const,
    ]);
    const running = await start(records, {
      'allow-target': ['ok.example'],
      'delivery-give-up': '0s',
    });
    const url = `http://ok.example:${port}/`;
    const hostile = SSRF_CORPUS.map(addressOf);
    const results = await Promise.all(
      hostile.map((webhook, index) =>
        outcomesOf(running, [`${url}?${index}`], { webhooks: [{ url: webhook }] }),
      ),
    );
    const taken = results.flat().map(({ status_code: status }) => status);
    const expected = SSRF_CORPUS.map(({ ends }) => (ends === 'invalid' ? 400 : 201));
    expect(taken).toEqual(expected);
    const wrong: string[] = [];
    for (const [index, { body }] of results.flat().entries()) {
      const target = SSRF_CORPUS[index];
      if (target === undefined || target.ends === 'invalid') continue;
      const said = await deliveryOf(running, objectOf(body)['job_id']);
      if (!said.includes(ENDS[target.ends])) wrong.push(`${target.url} (${target.why}): ${said}`);
    }
    expect(wrong).toEqual([]);
    // Only the jobs' own calls.
    expect(reached).toHaveLength(expected.filter((status) => status === 201).length);
  });
});

test("names that the system's resolver finds without any name server are refused too", async () => {
  server = await startServer({ 'allow-loopback-targets': 'false' });
  const urls = ['http://localhost:PORT/', 'http://LocalHost:PORT/a', 'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/b'];
  const jobs = urls.map((url) => url.replaceAll('PORT', String(port)));
  for (const { status_code: status, body } of await outcomesOf(server, jobs)) {
    expect(await told(server, status, objectOf(body))).toBe('address_refused');
  }
  expect(reached).toEqual([]);
});

test('what the operator denies is not called, also where something else allows it', async () => {
  const records = new Map([['listed.example A', [[a('listed.example', '127.0.0.1')]]] as const]);
  const running = await start(records, {
    'allow-loopback-targets': 'true',
    'allow-target': ['listed.example'],
    'deny-target': ['127.0.0.0/8', '::1'],
  });
  const urls = [
    `http://127.0.0.1:${port}/`,
    `http://[::1]:${port}/`,
    `http://listed.example:${port}/`,
  ];
  for (const { status_code: status, body } of await outcomesOf(running, urls)) {
    expect(await told(running, status, objectOf(body))).toBe('address_refused');
  }
  expect(reached).toEqual([]);
});

async function told(
  running: RunningServer,
  status: unknown,
  body: Record<string, unknown>,
): Promise<string> {
  if (status === 400) return body['error'] === 'validation_failed' ? 'invalid' : 'unclear';
  const job = await endOf(running, body['job_id']);
  const attempts: unknown = job['attempts'];
  const [attempt] = Array.isArray(attempts) ? attempts : [];
  return textOf(objectOf(attempt)['error']).split(':')[0] ?? '';
}

async function deliveryOf(running: RunningServer, id: unknown): Promise<string> {
  const { json } = await until(
    () => running.call('GET', `/api/v1/jobs/${textOf(id)}`),
    ({ json: job }) => JSON.stringify(job['deliveries'] ?? []).includes('error'),
  );
  return JSON.stringify(json['deliveries']);
}

describe('a name server that changes its answer', () => {
  const FORBIDDEN = ['127.0.0.2', '10.0.0.1', '169.254.169.254', '0.0.0.0'];
  const CALLS = 24;

  test('moves no call: the address that was checked is the one that is called', async () => {
    const rounds = Array.from({ length: CALLS * 4 }, (_, index) => [
      index % 2 === 0
        ? a('rebind.example', '127.0.0.1')
        : a('rebind.example', FORBIDDEN[(index >> 1) % FORBIDDEN.length] ?? ''),
    ]);
    const running = await start(new Map([['rebind.example A', rounds]]), {
      'allow-target': ['127.0.0.1'],
      rate: [`http://rebind.example:${port}=500`],
    });
    const url = `http://rebind.example:${port}/`;
    const results = await outcomesOf(
      running,
      Array.from({ length: CALLS }, (_, index) => `${url}?${index}`),
    );
    const ended = await Promise.all(
      results.map(({ body }) => endOf(running, objectOf(body)['job_id'])),
    );

    const good = ended.filter(({ state }) => state === 'completed').length;
    expect(ended.map(({ state }) => state)).toContain('failed');
    expect(good).toBeGreaterThan(0);
    expect(new Set(reached.map(plain))).toEqual(new Set(['127.0.0.1']));
    // Every connection has its own answer, and asks once.
    const questions = names?.asked.filter((one) => one === 'rebind.example A').length ?? 0;
    expect(questions).toBeGreaterThanOrEqual(reached.length);
    expect(questions).toBeLessThanOrEqual(CALLS * 2);
  });

  test('gets the public address called when an inner one stands beside it', async () => {
    const mixed = ['127.0.0.2', '127.0.0.1', '10.0.0.1'].map((one) => a('mixed.example', one));
    const records = new Map([
      ['mixed.example A', [mixed]],
      ['mixed.example AAAA', [[aaaa('mixed.example', '::1')]]],
    ]);
    const running = await start(records, { 'allow-target': ['127.0.0.1'] });
    const [result] = await outcomesOf(running, [`http://mixed.example:${port}/`]);
    const job = await endOf(running, objectOf(result?.['body'])['job_id']);
    expect(job['state']).toBe('completed');
    expect(reached.map(plain)).toEqual(['127.0.0.1']);
  });
});

/** A socket for both families shows addresses of IPv4 as mapped ones. */
function plain(address: string): string {
  return address.replace(/^::ffff:/, '');
}
