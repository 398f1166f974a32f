import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface SourceProcess extends AsyncDisposable {
  /** The first line that it printed. */
  readonly firstLine: string;
  /** Kills it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Runs a file of `processes/` on this very Node, with one argument as JSON, until its first line. */
export async function startSource(file: string, task: unknown): Promise<SourceProcess> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@ezthrottle/source',
      join(import.meta.dirname, 'processes', file),
      JSON.stringify(task),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const kill = (): Promise<void> => killProcess(child);
  for await (const firstLine of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    return { firstLine, kill, [Symbol.asyncDispose]: kill };
  }
  await kill();
  throw new Error(`${file} ended before it said anything`);
}

async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
