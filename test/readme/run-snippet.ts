import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runnableFile } from '../../scripts/decorated.ts';
import { runProcess } from './run-process.ts';

const TIMEOUT_MS = 20_000;
/** After a snippet listens, for what it does beside. */
const LISTENING_MS = 3_000;
/** Node's exit code for a module that waits for what can no longer come. */
const UNSETTLED = 13;

const preloads = ['./loopback-only.ts', './snippet-world.ts'].flatMap((module) => [
  '--import',
  pathToFileURL(join(import.meta.dirname, module)).href,
]);

export interface SnippetWorld {
  /** Variables that the documentation tells its readers to set. */
  readonly environment: Readonly<Record<string, string>>;
  /** Origin of the server that stands for example.com. */
  readonly upstream: string;
}

/**
 * Runs a file as a reader of the documentation would, in a process of its own and an empty folder.
 * A snippet that listens is fine once it does.
 *
 * @returns null when it is fine, else what went wrong, with what it printed.
 */
export async function runSnippet(
  file: string,
  world: SnippetWorld,
  timeoutMs: number = TIMEOUT_MS,
): Promise<string | null> {
  const cwd = mkdtempSync(join(tmpdir(), 'ezthrottle-snippet-'));
  const options = ['--conditions=@ezthrottle/source', '--unhandled-rejections=strict'];
  try {
    const ended = await runProcess(
      process.execPath,
      [...options, ...preloads, await runnableFile(file)],
      {
        cwd,
        environment: { ...world.environment, SNIPPET_UPSTREAM: world.upstream },
        timeoutMs,
        listeningMs: LISTENING_MS,
      },
    );
    if (ended.exitCode === 0) return null;
    if (ended.listened && (ended.timedOut || ended.exitCode === UNSETTLED)) return null;
    const what = ended.timedOut
      ? `did not end within ${timeoutMs} ms`
      : `ended with code ${ended.exitCode}`;
    return `${what}\n${ended.output}`;
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
