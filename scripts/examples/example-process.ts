import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A process that tells by a line of its output that it is ready. */
export interface ReadyProcess {
  /** The line by which it was ready. */
  readonly line: string;
  readonly stop: () => Promise<void>;
}

export interface ReadyOptions {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly isReady: (line: string) => boolean;
  /** Told of each line of its output. */
  readonly onLine?: (line: string) => void;
}

const STOP_MS = 5_000;

/** @throws Error with what it wrote last, when it ends before it is ready. */
export async function startUntilReady(options: ReadyOptions): Promise<ReadyProcess> {
  const child = spawn(options.program, [...options.arguments], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-10_000);
  });
  const stop = (): Promise<void> => stopProcess(child);
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      options.onLine?.(line);
      if (options.isReady(line)) resolve(line);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      reject(new Error(`${options.program} ended with ${code} before it was ready\n${errors}`));
    });
  });
  return { line: await ready, stop };
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  child.kill('SIGTERM');
  await exited;
  clearTimeout(timer);
}
