import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of the demo that listens on loopback; restarted, it keeps its port. */
export class ListeningProcess {
  readonly #module: string;
  readonly #environment: Record<string, string>;
  #child: ChildProcess | null = null;
  #port = 0;

  constructor(module: URL, environment: Record<string, string>) {
    this.#module = fileURLToPath(module);
    this.#environment = environment;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  async start(): Promise<void> {
    const child = fork(this.#module, [], {
      env: { ...process.env, ...this.#environment, PORT: String(this.#port) },
      execArgv: ['--conditions=@ezthrottle/source'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#port = await new Promise<number>((resolve, reject) => {
      child.once('message', (message) => {
        resolve(portOf(message));
      });
      child.once('error', reject);
      child.once('exit', (code) => {
        reject(new Error(`${this.#module} ended with code ${code} before it listened`));
      });
    });
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }
}

function portOf(message: unknown): number {
  if (typeof message === 'object' && message !== null && 'port' in message) {
    if (typeof message.port === 'number') return message.port;
  }
  throw new Error('the process did not say where it listens');
}
