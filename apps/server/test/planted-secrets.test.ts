import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createUpstream, type RecordedRequest, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Collector, openCollector } from './otlp-collector.ts';
import { objectOf, type Reply, request, textOf, until } from './running-server.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

/** What must be found nowhere. Each looks like nothing else, so that a find means what it seems to. */
const PLANTED = {
  masterKey: randomBytes(32).toString('base64'),
  apiKey: `ezt_planted_${randomBytes(24).toString('base64url')}`,
  signingSecret: `whsec_${randomBytes(32).toString('base64')}`,
  storedSecret: `whsec_${randomBytes(32).toString('base64')}`,
  headerToken: `sk-planted/${randomBytes(16).toString('hex')}+x`,
  queryToken: `q planted&${randomBytes(16).toString('hex')}`,
  bodyToken: `"body" planted ${randomBytes(16).toString('hex')}`,
} as const;

let folder: string;
let target: Upstream;
let endpoint: Upstream;
let collector: Collector;
let metricsUrl = '';
let child: ChildProcess;
let base = '';
let written = '';
const answers: string[] = [];
/** Made by the server itself. */
const made: string[] = [];

/** Answers with everything that it was sent, in every spelling that targets have. */
function echoing({ path, headers, body }: RecordedRequest): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  const values = [headers['authorization'] ?? '', path, body];
  return {
    status: path.startsWith('/fails') ? 400 : 200,
    headers: {
      'x-echo': (headers['authorization'] ?? '').replaceAll(/[^\x20-\x7e]/g, '?'),
      'content-type': 'text/plain',
    },
    body: [
      ...values,
      ...values.map((value) => JSON.stringify({ value })),
      ...values.map((value) => Buffer.from(value).toString('base64')),
      ...values.map((value) => Buffer.from(value).toString('base64url')),
      ...values.map((value) => Buffer.from(value).toString('hex')),
      ...values.map((value) => encodeURIComponent(value)),
      decodeURIComponent(path),
    ].join('\n'),
  };
}

async function call(method: string, path: string, body?: unknown): Promise<Reply> {
  const reply = await request(`${base}${path}`, method, body, {
    authorization: `Bearer ${PLANTED.apiKey}`,
  });
  answers.push(reply.text, JSON.stringify([...reply.headers]));
  return reply;
}

function ended(id: string): Promise<Record<string, unknown>> {
  return until(
    async () => (await call('GET', `/api/v1/jobs/${id}`)).json,
    (job) => job['ended_at'] !== null,
  );
}

async function start(): Promise<void> {
  const argv = ['start', '--port', '0', '--data-dir', folder, '--json', '--log-level', 'trace'];
  const flags = ['--allow-loopback-targets', '--rate', `${target.origin}=1000`];
  flags.push('--metrics', '0', '--otlp-endpoint', collector.url, '--access-log');
  child = spawn(process.execPath, ['--conditions=@ezthrottle/source', MAIN, ...argv, ...flags], {
    env: {
      PATH: process.env['PATH'] ?? '',
      EZTHROTTLE_API_KEY: PLANTED.apiKey,
      EZTHROTTLE_MASTER_KEY: PLANTED.masterKey,
      EZTHROTTLE_SIGNING_SECRET: PLANTED.signingSecret,
      NODE_DEBUG: '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      written += String(chunk);
    });
  }
  if (child.stdout === null) throw new Error('no output');
  const [line] = await once(createInterface(child.stdout), 'line');
  base = textOf(objectOf(JSON.parse(String(line)))['url']);
  await vi.waitFor(() => expect(written).toContain('metrics_served'));
  metricsUrl = /http:\/\/[\d.:]+\/metrics/.exec(written)?.[0] ?? '';
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-planted-'));
  target = await createUpstream(echoing);
  endpoint = await createUpstream();
  collector = await openCollector();
  await start();
});

afterAll(async () => {
  child.kill('SIGKILL');
  await target.close();
  await endpoint.close();
  await collector.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Every file of the data folder, as it lies there at this moment, the log of the database too. */
function bytesOnDisk(): string {
  return readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'latin1'))
    .join('\n');
}

/** A secret as itself and in the spellings that hide it from a plain search. */
function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replaceAll('=', '')
      .slice(4, -2),
  );
  return [
    secret,
    secret.replace(/^whsec_/, ''),
    bytes.toString('latin1'),
    bytes.toString('hex'),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    ...shifted,
    ...shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

function found(places: Readonly<Record<string, string>>, secrets: readonly string[]): string[] {
  return Object.entries(places).flatMap(([place, text]) =>
    secrets.flatMap((secret, index) =>
      spellings(secret).some((spelling) => text.includes(spelling)) ? [`${index} in ${place}`] : [],
    ),
  );
}

describe('planted secrets', () => {
  test('reach the target, and are in nothing else that the server wrote or said', async () => {
    const origins = [target.origin];
    const { headerToken, queryToken, bodyToken, storedSecret } = PLANTED;
    await call('PUT', '/api/v1/secrets/IN_HEADER', { value: headerToken, origins });
    await call('PUT', '/api/v1/secrets/IN_QUERY', { value: queryToken, origins });
    await call('PUT', '/api/v1/secrets/IN_BODY', { value: bodyToken, origins });
    const stored = { primary_secret: storedSecret, secondary_secret: PLANTED.signingSecret };
    await call('POST', '/api/v1/webhook-secrets', stored);
    await call('POST', '/api/v1/webhook-secrets/signing-keys');
    const key = await request(
      `${base}/api/v1/api-keys`,
      'POST',
      { name: 'made' },
      {
        authorization: `Bearer ${PLANTED.apiKey}`,
      },
    );
    made.push(textOf(key.json['api_key']));

    const ids: string[] = [];
    for (const path of ['/works', '/fails']) {
      const reply = await call('POST', '/api/v1/jobs', {
        url: `${target.url(path)}?key={{secret.IN_QUERY}}`,
        method: 'POST',
        headers: {
          Authorization: 'Bearer {{secret.IN_HEADER}}',
          'Content-Type': 'application/json',
        },
        body: '{"key":"{{secret.IN_BODY}}"}',
        webhooks: [{ url: endpoint.url('/hook') }],
        on_failure: { url: target.url('/fails?then={{secret.IN_QUERY}}') },
      });
      expect(reply.status).toBe(201);
      ids.push(textOf(reply.json['job_id']));
    }
    const refused = {
      url: 'https://elsewhere.example/',
      body: '{{secret.IN_BODY}}',
      method: 'POST',
    };
    expect((await call('POST', '/api/v1/jobs', refused)).status).toBe(422);
    for (const id of ids) {
      await ended(id);
      await call('GET', `/api/v1/jobs/${id}/stream`);
      await call('GET', `/api/v1/jobs/${id}/explain`);
      await call('GET', `/api/v1/dead-letters/jobs/${id}`);
    }
    await endpoint.waitFor(2);
    const metrics = await request(metricsUrl, 'GET');
    expect(metrics.text).toContain(target.origin);
    const paths = [
      '/health',
      '/live',
      '/ready',
      '/api/v1/jobs',
      '/api/v1/audit-log',
      '/api/v1/secrets',
    ];
    const further = ['/api/v1/api-keys', '/api/v1/dead-letters/jobs', '/api/v1/webhook-secrets'];
    for (const path of [...paths, ...further]) await call('GET', path);

    const [sent] = target.requests;
    expect(sent?.headers['authorization']).toBe(`Bearer ${headerToken}`);
    expect(new URL(target.url(sent?.path)).searchParams.get('key')).toBe(queryToken);
    expect(JSON.parse(sent?.body ?? '')).toEqual({ key: bodyToken });

    const deliveries = endpoint.requests.map(({ headers, body }) => JSON.stringify(headers) + body);
    expect(deliveries.join()).toContain('[secret IN_HEADER]');
    const running = bytesOnDisk();
    child.kill('SIGTERM');
    await once(child, 'close');
    const places = {
      'the database while it runs': running,
      'the database at rest': bytesOnDisk(),
      'its output': written,
      'its answers': answers.join('\n'),
      'its deliveries': deliveries.join('\n'),
      'its metrics': metrics.text,
      'its traces': collector.received(),
    };
    // What is no secret is found in all of these, so the search does find.
    expect(found(places, ['/works', 'start'])).toEqual(
      expect.arrayContaining([
        '0 in the database at rest',
        '0 in its answers',
        '0 in its deliveries',
      ]),
    );
    expect(written).toContain(base);
    expect(collector.received()).toContain(ids[0]);
    expect(found(places, [...Object.values(PLANTED), ...made])).toEqual([]);
  });
});
