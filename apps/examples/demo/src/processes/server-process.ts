import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(
  new URL('./dist/cli/main.js', import.meta.resolve('@ezthrottle/server/package.json')),
);

/** What `ezthrottle dev --json` says about itself. */
export interface ServerFacts {
  readonly url: string;
  readonly apiKey: string;
  readonly signingSecret: string;
  readonly dataDir: string;
  readonly pid: number;
}

/** The EZThrottle server as a user would start it: `ezthrottle dev` on a data directory. */
export class ServerProcess {
  readonly #dataDir: string;
  #child: ChildProcess | null = null;
  #facts: ServerFacts | null = null;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  get facts(): ServerFacts {
    if (this.#facts === null) throw new Error('the server has not been started');
    return this.#facts;
  }

  async start(): Promise<void> {
    const port = this.#facts === null ? '0' : new URL(this.#facts.url).port;
    const child = spawn(
      process.execPath,
      [
        COMMAND,
        'dev',
        '--json',
        '--port',
        port,
        '--data-dir',
        this.#dataDir,
        '--log-level',
        'warn',
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    const exited = once(child, 'exit').then(([code]) => {
      throw new Error(`ezthrottle dev ended with code ${String(code)}`);
    });
    exited.catch(() => undefined);
    const [line] = await Promise.race([once(lines, 'line'), exited]);
    this.#facts = JSON.parse(String(line));
  }

  /** `kill -9`: no chance to finish anything. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
