import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What became of a process that ran for a bounded time. */
export interface EndedProcess {
  /** Null when it was ended from outside. */
  readonly exitCode: number | null;
  /** It was ended because its time was over. */
  readonly timedOut: boolean;
  /** It said that it listens. */
  readonly listened: boolean;
  /** Both of its outputs, at most the last 64 KiB. */
  readonly output: string;
}

export interface ProcessOptions {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds after which it is ended. */
  readonly timeoutMs: number;
  /** Milliseconds after it said that it listens after which it is ended. Default `timeoutMs`. */
  readonly listeningMs?: number;
}

const OUTPUT_LENGTH = 64 * 1024;

/** Runs a command to its end or to the end of its time, and ends all that it started. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions,
): Promise<EndedProcess> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A group of its own, which is ended as a whole.
    detached: true,
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_LENGTH);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  let timedOut = false;
  const end = (): void => {
    timedOut = true;
    endGroup(child.pid);
  };
  const timers = [setTimeout(end, options.timeoutMs)];
  let listened = false;
  child.on('message', (message) => {
    if (message !== 'listening' || listened) return;
    listened = true;
    timers.push(setTimeout(end, options.listeningMs ?? options.timeoutMs));
  });
  try {
    const [exitCode] = await once(child, 'exit');
    return { exitCode, timedOut, listened, output };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    endGroup(child.pid);
  }
}

function endGroup(processId: number | undefined): void {
  if (processId === undefined) return;
  try {
    process.kill(-processId, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
