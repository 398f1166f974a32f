import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openApiDocument } from '../../src/api/openapi/document.ts';
import { OPERATIONS } from '../../src/api/openapi/operations.ts';
import fc from 'fast-check';
import { Agent, type Dispatcher } from 'undici';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { type DocumentedAnswers, documentedAnswers } from '../documented-answers.ts';
import { type RunningServer, startServer } from '../running-server.ts';
import { type FuzzRequest, fuzzRequests } from './fuzz-requests.ts';
import { TARGET } from './fuzz-values.ts';

export interface FuzzOptions {
  readonly requests: number;
  /** The same seed makes the same requests; which ids they get depends on the answers. */
  readonly seed: number;
  readonly connections: number;
}

export interface FuzzReport {
  readonly requests: number;
  /** How often each status was answered. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Answers of 500 and above, answers that are not as documented, and requests without an answer. */
  readonly problems: readonly string[];
  readonly routes: number;
  /** Routes that never did what they were asked for. */
  readonly neverDone: readonly string[];
  /** Requests other than GET that were answered with a success. */
  readonly writes: number;
  /** Rows that were written, of all tables. */
  readonly rows: number;
  /** Bytes of heap and buffers after garbage collection, after a third of the requests and at the end. */
  readonly heapBytes: readonly [early: number, late: number];
  /** Sockets and files that are open, before the first request and when the last client is gone. */
  readonly handles: readonly [before: number, after: number];
}

const BLOCK = 500;

const STATUSES = [
  ['/ok', 200],
  ['/gone', 410],
  ['/fails', 500],
] as const;

/** Sends strange requests to every route of a real server in this process, and looks what becomes of it. */
export async function proveFuzz({ requests, seed, connections }: FuzzOptions): Promise<FuzzReport> {
  const target = createServer((request, response) => {
    const [, status] = STATUSES.find(([path]) => request.url?.startsWith(path)) ?? ['', 404];
    response.writeHead(status, { 'x-ezthrottle-rps': '1000' }).end('{}');
  });
  await once(target.listen(0, '127.0.0.1'), 'listening');
  const address = target.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const origin = `http://127.0.0.1:${port}`;
  const server = await startServer({
    'max-streams': '10000',
    'circuit-failures': '0',
    'delivery-give-up': '0s',
    rate: [`${origin}=1000`, 'http://127.0.0.1:9=1000'],
  });
  try {
    return await fuzz(server, origin, { requests, seed, connections });
  } finally {
    await server.close();
    target.closeAllConnections();
    await new Promise((resolve) => target.close(resolve));
  }
}

async function fuzz(
  server: RunningServer,
  target: string,
  options: FuzzOptions,
): Promise<FuzzReport> {
  const document = openApiDocument(server.surfaces, OPERATIONS, 'tested');
  const run = new FuzzRun(server, target, documentedAnswers(document));
  await run.protectOwnKey();
  const rowsBefore = rowsOf(server);
  const handlesBefore = openHandles();
  const requests = fuzzRequests(document);
  const third = Math.ceil(options.requests / 3);
  let early = 0;
  const agent = new Agent({ connections: options.connections, pipelining: 1 });
  for (let sent = 0; sent < options.requests; sent += BLOCK) {
    const count = Math.min(BLOCK, options.requests - sent);
    const block = fc.sample(requests, { numRuns: count, seed: options.seed + sent });
    await run.send(block, agent, options.connections);
    if (early === 0 && sent >= third) early = await usedBytes();
  }
  await agent.close();
  // Connections are let go by the server a moment after they are by the client.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const report = run.report();
  const routes = Object.keys(OPERATIONS).map((key) => key.replaceAll(/:(\w+)/g, '{$1}'));
  return {
    ...report,
    requests: options.requests,
    routes: routes.length,
    neverDone: routes.filter((route) => !run.done.has(route)),
    rows: rowsOf(server) - rowsBefore,
    heapBytes: [early, await usedBytes()],
    handles: [handlesBefore, openHandles()],
  };
}

const MOST_IDS = 300;
const MOST_PROBLEMS = 50;

class FuzzRun {
  readonly done = new Set<string>();
  readonly #server: RunningServer;
  readonly #target: string;
  readonly #document: DocumentedAnswers;
  readonly #statuses = new Map<number, number>();
  readonly #problems: string[] = [];
  /** Ids of what answers have named, by the collection that named them. */
  readonly #ids = new Map<string, string[]>();
  /** Of the key that everything is asked with. */
  readonly #ownIds = new Set<string>();
  #writes = 0;

  constructor(server: RunningServer, target: string, document: DocumentedAnswers) {
    this.#server = server;
    this.#target = target;
    this.#document = document;
  }

  /** A run that revokes its own key sees nothing but 401 from then on. */
  async protectOwnKey(): Promise<void> {
    const { text } = await this.#server.call('GET', '/api/v1/api-keys');
    for (const { value } of idsIn(JSON.parse(text))) this.#ownIds.add(value);
  }

  async send(block: readonly FuzzRequest[], agent: Dispatcher, connections: number): Promise<void> {
    const waiting = [...block];
    const worker = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        await this.#sendOne({ ...next, body: this.#aimed(next.body) }, agent);
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
  }

  report(): Pick<FuzzReport, 'statuses' | 'problems' | 'writes'> {
    return { statuses: this.#statuses, problems: this.#problems, writes: this.#writes };
  }

  async #sendOne(request: FuzzRequest, agent: Dispatcher): Promise<void> {
    const path = request.path.replaceAll('{id}', this.#idFor(request));
    const sent = request.body?.toString('latin1').slice(0, 500) ?? '';
    const told = `${request.method} ${path} ${JSON.stringify(request.headers).slice(0, 500)} ${sent}`;
    let reply: Answered;
    try {
      reply = await answerTo(this.#server, request, path, agent);
    } catch (error) {
      this.#note(`no answer (${String(error)}): ${told}`);
      return;
    }
    this.#statuses.set(reply.status, (this.#statuses.get(reply.status) ?? 0) + 1);
    if (reply.status >= 500) this.#note(`${reply.status} ${reply.text.slice(0, 300)}: ${told}`);
    // Which no route answers, so that no document can tell.
    if (reply.status !== 405) this.#check(request.method, path, reply, told);
    this.#learn(request, reply);
  }

  #check(method: string, path: string, reply: Answered, told: string): void {
    try {
      this.#document.check(method, path, reply);
    } catch (error) {
      this.#note(`${String(error).slice(0, 800)}: ${told}`);
    }
  }

  #aimed(body: Buffer | null): Buffer | null {
    if (body === null || !body.includes(TARGET)) return body;
    return Buffer.from(body.toString('latin1').replaceAll(TARGET, this.#target), 'latin1');
  }

  #note(problem: string): void {
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push(problem);
  }

  #learn(
    { method, route }: FuzzRequest,
    { status, text }: { readonly status: number; readonly text: string },
  ): void {
    if (status >= 300) return;
    if (route.startsWith(`${method} `)) this.done.add(route);
    if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') this.#writes += 1;
    if (!text.startsWith('{')) return;
    for (const { name, value } of idsIn(JSON.parse(text))) {
      const [part = ''] = COLLECTIONS.find(([, known]) => known === name) ?? [];
      // The same word names other things elsewhere.
      if (VAGUE.has(name) && !route.includes(part.slice(0, -1))) continue;
      if (this.#ownIds.has(value)) continue;
      const known = this.#ids.get(name) ?? [];
      if (known.includes(value)) continue;
      known.push(value);
      if (known.length > MOST_IDS) known.shift();
      this.#ids.set(name, known);
    }
  }

  /** One of the ids that belong to the route's collection, where there is one. */
  #idFor({ route, pick }: FuzzRequest): string {
    const collection = COLLECTIONS.find(([part]) => route.includes(part))?.[1] ?? 'job_id';
    const known = this.#ids.get(collection) ?? [];
    const ids = known.length === 0 || route.startsWith('PUT') ? NEW_NAMES : known;
    return encodeURIComponent(ids[pick % ids.length] ?? '');
  }
}

/** Which member of answers names what stands in an address. */
const COLLECTIONS = [
  ['/limits/', 'key'],
  ['/secrets/', 'name'],
  ['/accounts/', 'user_id'],
  ['/api-keys/', 'id'],
  ['/webhook-endpoints/', 'endpoint_id'],
  ['/redrives/', 'redrive_id'],
  ['/deliveries/', 'delivery_id'],
] as const;

const NEW_NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
const VAGUE: ReadonlySet<string> = new Set(['key', 'name', 'id']);
const ID_NAMES: ReadonlySet<string> = new Set([...COLLECTIONS.map(([, name]) => name), 'job_id']);

function idsIn(value: unknown): readonly { readonly name: string; readonly value: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'string' && ID_NAMES.has(name) ? [{ name, value: member }] : idsIn(member),
  );
}

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function answerTo(
  server: RunningServer,
  { method, headers, body }: FuzzRequest,
  path: string,
  agent: Dispatcher,
): Promise<Answered> {
  const answer = await agent.request({
    origin: server.url,
    path,
    method: methodOf(method),
    headers: { ...headers, authorization: `Bearer ${server.apiKey}` },
    body,
  });
  const known = new Headers({ 'content-type': String(answer.headers['content-type'] ?? '') });
  // A stream ends when its job does.
  const isStream = known.get('content-type')?.startsWith('text/event-stream') ?? false;
  if (isStream) answer.body.on('error', () => undefined).destroy();
  const text = isStream ? '' : await answer.body.text();
  return { status: answer.statusCode, headers: known, text };
}

function methodOf(method: string): Dispatcher.HttpMethod {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'POST':
    case 'PUT':
    case 'PATCH':
    case 'DELETE':
      return method;
    default:
      return 'OPTIONS';
  }
}

function rowsOf({ folder }: RunningServer): number {
  const database = openConnection({ file: join(folder, 'ezthrottle.db') });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return tables
      .map(
        ({ name }) => database.prepare(`SELECT count(*) AS n FROM "${String(name)}"`).get()?.['n'],
      )
      .reduce<number>((sum, count) => sum + Number(count ?? 0), 0);
  } finally {
    database.close();
  }
}

/** What cannot be collected. Buffers go only in the turn after the object that held them. */
async function usedBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  for (let round = 0; round < 3 && typeof collect === 'function'; round += 1) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Timers come and go with what they wait for. */
function openHandles(): number {
  return process.getActiveResourcesInfo().filter((kind) => !/Timeout|Immediate/.test(kind)).length;
}
