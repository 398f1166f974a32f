// What the services for tests have in common: a program of this machine's, run by nobody special on a
// free port of loopback until it is told to end.

import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** A database does not run as root; null when this process is nobody special already. */
export function unprivilegedUser(): SystemUser | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string): number =>
    Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** A port of loopback that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

/**
 * Waits until the program says that it is ready; what it says later is dropped.
 *
 * @throws Error with its last words, when it ends before, or is not ready in time and is ended.
 */
export async function whenReady(
  child: ChildProcess,
  { output, words, timeoutMs }: { output: Readable; words: string; timeoutMs: number },
): Promise<void> {
  const said: string[] = [];
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    for await (const line of createInterface({ input: output })) {
      said.push(line);
      if (line.includes(words)) {
        // Whatever it says later must not fill the pipe.
        child.stdout?.resume();
        child.stderr?.resume();
        return;
      }
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`${child.spawnfile} did not start\n${said.slice(-20).join('\n')}`);
}

/** Sends the signal, unless it has ended, and waits until it has. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
