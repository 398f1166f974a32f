import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program of this workspace, run from its source by this very Node. */
export interface SourceProgram extends AsyncDisposable {
  /** The first line that it printed, which is JSON. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Resolves with its exit code; null when it was killed. */
  readonly ended: Promise<number | null>;
  /** Ends it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Starts it in `folder`, with nothing of this process's environment. */
export async function startProgram(
  file: string,
  args: readonly string[],
  folder: string,
): Promise<SourceProgram> {
  const argv = ['--conditions=@ezthrottle/source', file, ...args];
  const child = spawn(process.execPath, argv, {
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close').then(([code]): number | null => code);
  const kill = async (): Promise<void> => {
    if (isRunning(child)) child.kill('SIGKILL');
    await ended;
  };
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), ended.then(() => [null])]);
  if (line === null) throw new Error(`${file} ended before it said anything`);
  return { facts: { ...JSON.parse(String(line)) }, ended, kill, [Symbol.asyncDispose]: kill };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
