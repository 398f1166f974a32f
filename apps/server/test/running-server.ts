import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '../src/app.ts';
import { openApiDocument } from '../src/api/openapi/document.ts';
import { OPERATIONS } from '../src/api/openapi/operations.ts';
import type { Surface } from '../src/api/route.ts';
import { readConfig } from '../src/config.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { type DocumentedAnswers, documentedAnswers } from './documented-answers.ts';
import { hashApiKey } from '../src/tenancy/api-keys.ts';

/** A real server in this process, on a free port, with its data in a folder of its own. */
export interface RunningServer {
  readonly url: string;
  readonly apiKey: string;
  readonly signingSecret: string;
  readonly folder: string;
  /** What it serves. */
  readonly surfaces: readonly Surface[];
  /** A request with the API key; a body that is not text is sent as JSON. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Reply>;
  /** Stops and starts again on the same folder; what is given happens in between. */
  restart(between?: () => Promise<void>, flags?: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text as JSON; fails the test when it is none. */
  readonly json: Record<string, unknown>;
}

const MASTER_KEY = randomBytes(32).toString('base64');
const SIGNING_SECRET = `whsec_${randomBytes(32).toString('base64')}`;

export async function startServer(
  flags: Readonly<Record<string, unknown>> = {},
): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-server-'));
  const apiKey = `test_${randomBytes(16).toString('hex')}`;
  let surfaces: readonly Surface[] = [];
  const create = (settings: Readonly<Record<string, unknown>>): App =>
    createApp({
      config: readConfig('dev', { flags: { port: '0', 'log-level': 'silent', ...settings } }),
      dataDir: folder,
      keys: { apiKey, masterKey: MASTER_KEY, signingSecret: SIGNING_SECRET },
      onSurfaces: (mounted) => {
        surfaces = mounted;
      },
      onFatal: (error) => {
        throw error;
      },
    });
  let app = create(flags);
  let { url } = await app.start();
  let document: DocumentedAnswers | undefined;
  return {
    get url() {
      return url;
    },
    apiKey,
    signingSecret: SIGNING_SECRET,
    folder,
    get surfaces() {
      return surfaces;
    },
    async call(method, path, body, headers) {
      const reply = await request(`${url}${path}`, method, body, {
        authorization: `Bearer ${apiKey}`,
        ...headers,
      });
      // Whatever a test asks, the answer is one that the document of the API describes.
      document ??= documentedAnswers(openApiDocument(surfaces, OPERATIONS, 'tested'));
      document.check(method, path, reply);
      return reply;
    },
    async restart(between = async () => undefined, changed = {}) {
      await app.stop();
      await between();
      app = create({ ...flags, ...changed });
      ({ url } = await app.start());
    },
    async close() {
      await app.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function request(
  url: string,
  method: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  signal: AbortSignal | null = null,
): Promise<Reply> {
  const hasBody = body !== undefined;
  const response = await fetch(url, {
    method,
    signal,
    headers: { ...(hasBody && { 'content-type': 'application/json' }), ...headers },
    ...(hasBody && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    get json() {
      return objectOf(JSON.parse(text));
    },
  };
}

export function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null)
    throw new Error(`not an object: ${String(value)}`);
  return { ...value };
}

export function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`not a text: ${JSON.stringify(value)}`);
  return value;
}

/** Puts another organization with a key of its own into the store of a stopped server. */
export async function addOrganization(folder: string, name: string, apiKey: string): Promise<void> {
  const store = await openSqliteStore({ file: join(folder, 'ezthrottle.db') });
  const organization = '019a0000-0000-7000-8000-0000000000aa';
  await store.commit([
    { type: 'put_organization', organization: { id: organization, name, createdAt: Date.now() } },
    {
      type: 'put_api_key',
      apiKey: {
        id: '019a0000-0000-7000-8000-0000000000bb',
        organization,
        name,
        hash: hashApiKey(apiKey),
        dialect: 'ezthrottle',
        createdAt: Date.now(),
        expiresAt: null,
        scopes: ['submit', 'read', 'manage'],
        hint: null,
        previous: null,
        lastUsedAt: null,
        revokedAt: null,
      },
    },
  ]);
  await store.close();
}

/** Asks until the answer is as wished; the test's own time limit ends a wait in vain. */
export async function until<T>(
  ask: () => Promise<T>,
  isWished: (answer: T) => boolean,
): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isWished(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
