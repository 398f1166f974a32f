import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Changes } from './changes.ts';
import {
  answering,
  type Answering,
  type RecordedRequest,
  type UpstreamAnswer,
  type UpstreamScript,
} from './upstream-script.ts';

export interface UpstreamOptions {
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string;
}

/** A real HTTP server on a free port that records what it gets and answers by script. */
export interface Upstream {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly port: number;
  /** Absolute address of a path, which begins with a slash. Default `/`. */
  url(path?: string): string;
  /** All requests whose body has arrived, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Sockets open now. */
  readonly connections: number;
  /** Replaces the script of every path that has none of its own. */
  script(script: UpstreamScript): void;
  /** Answers requests to this path (without query) by a script of its own. */
  route(path: string, script: UpstreamScript): void;
  /**
   * Resolves as soon as that many requests have arrived, or the predicate holds. The predicate is
   * asked again whenever a request or a connection comes, ends or breaks.
   *
   * @throws Error after `timeoutMs` real milliseconds (default 10 000), telling what had arrived.
   */
  waitFor(
    condition: number | ((requests: readonly RecordedRequest[]) => boolean),
    timeoutMs?: number,
  ): Promise<readonly RecordedRequest[]>;
  /** Forgets the requests recorded so far. */
  clear(): void;
  /** Breaks what is open and frees the port. Closing twice is fine. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts an upstream; without a script it answers an empty 200. */
export async function createUpstream(
  script: UpstreamScript = {},
  options: UpstreamOptions = {},
): Promise<Upstream> {
  const upstream = new ScriptedUpstream(script);
  await upstream.listen(options.host ?? '127.0.0.1');
  return upstream;
}

class ScriptedUpstream implements Upstream {
  port = 0;
  #origin = '';
  #script: Answering;
  #sequence = 0;
  readonly #routes = new Map<string, Answering>();
  #requests: RecordedRequest[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #changes = new Changes();
  readonly #server: Server;

  constructor(script: UpstreamScript) {
    this.#script = answering(script);
    this.#server = createServer((request, response) => {
      void this.#receive(request, response);
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      this.#changes.tell();
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#changes.tell();
      });
    });
  }

  async listen(host: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, host, resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    this.port = address.port;
    this.#origin = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
  }

  get origin(): string {
    return this.#origin;
  }

  get requests(): readonly RecordedRequest[] {
    return this.#requests;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  url(path = '/'): string {
    return `${this.#origin}${path}`;
  }

  script(script: UpstreamScript): void {
    this.#script = answering(script);
  }

  route(path: string, script: UpstreamScript): void {
    this.#routes.set(path, answering(script));
  }

  async waitFor(
    condition: number | ((requests: readonly RecordedRequest[]) => boolean),
    timeoutMs = 10_000,
  ): Promise<readonly RecordedRequest[]> {
    const holds = (): boolean =>
      typeof condition === 'number'
        ? this.#requests.length >= condition
        : condition(this.#requests);
    await this.#changes.until(holds, timeoutMs, () => this.#describe(condition));
    return this.#requests;
  }

  clear(): void {
    this.#requests = [];
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    const monotonicAt = performance.now();
    const remoteAddress = request.socket.remoteAddress ?? '';
    const bodyBytes = await readBody(request);
    this.#sequence += 1;
    const record = {
      sequence: this.#sequence,
      method: request.method ?? '',
      path: request.url ?? '',
      headers: joinedHeaders(request),
      rawHeaders: request.rawHeaders,
      body: bodyBytes.toString('utf8'),
      bodyBytes,
      remoteAddress,
      at,
      monotonicAt,
      state: stateOf(request, response),
    };
    response.on('close', () => {
      record.state = response.writableFinished ? 'answered' : 'aborted';
      this.#changes.tell();
    });
    this.#requests.push(record);
    this.#changes.tell();
    await this.#answer(record, response);
  }

  async #answer(record: RecordedRequest, response: ServerResponse): Promise<void> {
    const path = record.path.split('?', 1)[0] ?? '';
    const script = this.#routes.get(path) ?? this.#script;
    const answer = await Promise.resolve(record)
      .then(script)
      .catch(
        (error: unknown): UpstreamAnswer => ({ status: 599, body: `script: ${String(error)}` }),
      );
    if (answer.delayMs !== undefined && answer.delayMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, answer.delayMs);
        response.on('close', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    if (!response.destroyed) send(answer, response);
  }

  #describe(condition: number | ((requests: readonly RecordedRequest[]) => boolean)): string {
    const wanted = typeof condition === 'number' ? `${condition} requests` : 'the condition';
    const seen = this.#requests
      .map((request) => `${request.method} ${request.path} ${request.state}`)
      .join(', ');
    return `the upstream waited in vain for ${wanted}; ${this.#requests.length} arrived: ${seen}`;
  }
}

function stateOf(request: IncomingMessage, response: ServerResponse): RecordedRequest['state'] {
  return request.complete && !response.destroyed ? 'open' : 'aborted';
}

/** All bytes that came, also when the caller hung up in the middle. */
function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const finish = (): void => resolve(Buffer.concat(chunks));
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', finish);
    request.on('error', finish);
    request.on('close', finish);
  });
}

function joinedHeaders(request: IncomingMessage): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (values !== undefined) joined[name] = values.join(', ');
  }
  return joined;
}

function send(answer: UpstreamAnswer, response: ServerResponse): void {
  if (answer.fault === 'hang_before_headers') return;
  if (answer.fault === 'reset_before_headers') {
    response.socket?.resetAndDestroy();
    return;
  }
  const { bytes, type } = encoded(answer.body);
  if (type !== null) response.setHeader('content-type', type);
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    response.setHeader(name, typeof value === 'string' ? value : [...value]);
  }
  response.statusCode = answer.status ?? 200;
  if (answer.fault === undefined) {
    response.end(bytes);
    return;
  }
  response.flushHeaders();
  if (answer.fault === 'hang_after_headers') {
    response.write(bytes);
    return;
  }
  response.write(bytes, () => response.socket?.resetAndDestroy());
}

function encoded(body: unknown): { readonly bytes: Uint8Array; readonly type: string | null } {
  if (body === undefined) return { bytes: Buffer.alloc(0), type: null };
  if (typeof body === 'string') return { bytes: Buffer.from(body), type: null };
  if (body instanceof Uint8Array) return { bytes: body, type: null };
  return { bytes: Buffer.from(JSON.stringify(body)), type: 'application/json' };
}
