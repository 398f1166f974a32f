import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of the benchmark that says what it has to say in messages, of which `Said` is one. */
export class Child<Said> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #said: Said[] = [];
  #waiting: ((said: Said) => void) | null = null;

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.on('message', (message: Said & object) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      if (waiting === null) this.#said.push(message);
      else waiting(message);
    });
  }

  /** @param input What the module finds in `BENCH_INPUT`, as JSON. */
  static start<Said>(module: URL, input: object): Child<Said> {
    return new Child(
      fork(fileURLToPath(module), [], {
        execArgv: ['--conditions=@ezthrottle/source'],
        env: { ...process.env, BENCH_INPUT: JSON.stringify(input) },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    );
  }

  get processId(): number | null {
    return this.#process.pid ?? null;
  }

  tell(message: object): void {
    this.#process.send(message);
  }

  /**
   * The next message.
   *
   * @throws Error when it ends, or says nothing for that many milliseconds.
   */
  async next(timeoutMs: number): Promise<Said> {
    const first = this.#said.shift();
    if (first !== undefined) return first;
    const said = new Promise<Said>((resolve) => {
      this.#waiting = resolve;
    });
    const stop = new AbortController();
    try {
      // Not its exit, which may be told before its last message.
      const ended = this.#disconnected(stop.signal).then(() => {
        throw new Error('a process of the benchmark ended before it was done');
      });
      const late = new Promise<never>((_, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`a process of the benchmark said nothing for ${timeoutMs} ms`));
        }, timeoutMs);
        stop.signal.addEventListener('abort', () => clearTimeout(timer));
      });
      ended.catch(() => undefined);
      return await Promise.race([said, ended, late]);
    } finally {
      stop.abort();
      this.#waiting = null;
    }
  }

  async #disconnected(signal: AbortSignal): Promise<void> {
    if (this.#process.connected) await once(this.#process, 'disconnect', { signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}

/** What this process was told when it was started as a child. */
export function inputOfChild<T>(): T {
  process.once('disconnect', () => process.exit(1));
  return JSON.parse(process.env['BENCH_INPUT'] ?? 'null');
}

/** Says something to the process that started this one. */
export function say(message: object): void {
  process.send?.(message);
}
