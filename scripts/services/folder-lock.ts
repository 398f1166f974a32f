import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** No work takes as long; a lock that is older was left behind. */
const LONGEST_MS = 300_000;

/**
 * Runs the work while nobody else holds the lock, in whichever process. The lock of a process that
 * died is taken over; two that notice at the same moment may then both run, so the work must put its
 * result in place in one step.
 *
 * @param path A file that does not exist while nobody holds the lock.
 */
export async function withFolderLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  while (!take(path)) await sleep(200);
  const unlock = (): void => rmSync(path, { force: true });
  process.once('exit', unlock);
  try {
    return await work();
  } finally {
    process.off('exit', unlock);
    unlock();
  }
}

/** By a link to a file that is written already: nobody sees a lock without its holder. */
function take(path: string): boolean {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (!isHeld(path)) rmSync(path, { force: true });
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

function isHeld(path: string): boolean {
  try {
    if (Date.now() - statSync(path).mtimeMs > LONGEST_MS) return false;
    process.kill(Number(readFileSync(path, 'utf8')), 0);
    return true;
  } catch (error) {
    // No such process. Any other error: released a moment ago, or somebody else's process.
    return codeOf(error) !== 'ESRCH';
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
