import { Child } from '../processes/child.ts';
import type { Case } from '../sdk/rounds.ts';
import { Connection, requestBytes } from './connection.ts';
import type { Way } from './framework.ts';
import { HEADERS_OF } from './signing.ts';

const MAIN = new URL('./app-main.ts', import.meta.url);
const TIMEOUT_MS = 30_000;
const BODY_BYTES = 500;
/** Requests under way at once: one after the other, much of the time would go into waking up. */
const AT_ONCE = 16;
const IDLE_MS = 1_000;

const UNSIGNED: ReadonlySet<Way> = new Set(['bare', 'adapter', 'direct', 'unsigned']);

interface Said {
  readonly port: number;
  readonly cpuTime: number;
}

/** An app that runs in a process of its own, as something that is measured. */
export class App implements Case, AsyncDisposable {
  readonly name: string;
  readonly way: Way;
  readonly #child: Child<Said>;
  readonly #port: number;
  #connections: readonly Connection[] = [];
  #usedAt = 0;
  #requests: Buffer[] = [];
  #count = 0;

  private constructor(name: string, way: Way, child: Child<Said>, port: number) {
    this.name = name;
    this.way = way;
    this.#child = child;
    this.#port = port;
  }

  static async start(framework: string, way: Way): Promise<App> {
    const child = Child.start<Said>(MAIN, { framework, way });
    const { port } = await child.next(TIMEOUT_MS);
    const app = new App(nameOf(framework, way), way, child, port);
    await app.#connect();
    await app.#prove();
    return app;
  }

  async prepare(times: number): Promise<void> {
    // Servers close connections that nobody has used for some seconds.
    if (Date.now() - this.#usedAt > IDLE_MS) await this.#connect();
    this.#requests = Array.from({ length: times }, () => {
      const body = this.#nextBody();
      return requestBytes(body, this.#headersOf(body));
    });
  }

  async run(): Promise<void> {
    const sendInTurn = async (connection: Connection): Promise<void> => {
      for (let request = this.#requests.pop(); request; request = this.#requests.pop()) {
        const status = await connection.send(request);
        if (status !== 200) throw new Error(`${this.name} answered ${status}`);
      }
    };
    // Awake all the time: to wake a sender that sleeps costs who answers as much as many an app does, and a
    // sender sleeps the more, the slower the app is.
    let isOver = false;
    const stayAwake = (): void => {
      if (!isOver) setImmediate(stayAwake);
    };
    stayAwake();
    try {
      await Promise.all(this.#connections.map(sendInTurn));
    } finally {
      isOver = true;
      this.#usedAt = Date.now();
    }
  }

  async cpuTime(): Promise<number> {
    this.#child.tell({});
    return (await this.#child.next(TIMEOUT_MS)).cpuTime;
  }

  async #connect(): Promise<void> {
    for (const connection of this.#connections) connection[Symbol.dispose]();
    const opening = Array.from({ length: AT_ONCE }, () => Connection.open(this.#port));
    this.#connections = await Promise.all(opening);
    this.#usedAt = Date.now();
  }

  /** A webhook that takes everything would be the fastest. */
  async #prove(): Promise<void> {
    const [connection] = this.#connections;
    const body = this.#nextBody();
    const headers = this.#headersOf(body);
    const status = await connection?.send(requestBytes(body, headers));
    if (status !== 200) throw new Error(`${this.name} refuses what is signed: ${status}`);
    if (UNSIGNED.has(this.way)) return;
    const altered = body.replace('success', 'failed');
    const other = await connection?.send(requestBytes(altered, headers));
    if (other === undefined || other < 400) throw new Error(`${this.name} takes what was altered`);
  }

  #headersOf(body: string): Readonly<Record<string, string>> {
    return { 'content-type': 'application/json', ...HEADERS_OF[this.way](body) };
  }

  /** No two are alike: a repetition would be answered without being handled. */
  #nextBody(): string {
    this.#count += 1;
    const ids = { delivery_id: `d${this.#count}`, job_id: `j${this.#count}`, status: 'success' };
    const missing = BODY_BYTES - JSON.stringify({ ...ids, note: '' }).length;
    return JSON.stringify({ ...ids, note: 'x'.repeat(missing) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection[Symbol.dispose]();
    await this.#child[Symbol.asyncDispose]();
  }
}

export function nameOf(framework: string, way: Way): string {
  return `${framework}, ${way}`;
}
