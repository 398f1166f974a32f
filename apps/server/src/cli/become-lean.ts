import { leanStart } from './lean-process.ts';

/** Commands that go on running. */
const SERVERS: readonly (string | undefined)[] = ['dev', 'start'];

/**
 * Has this process take its own place with bounds on its memory, where it is going to serve: the same process,
 * with the same id. Where that cannot be done (Windows, a process that may start none) it goes on as it is.
 */
export function becomeLean(): void {
  const [file, ...scriptArgv] = process.argv;
  const canReplace = process.platform !== 'win32' && process.channel === undefined;
  if (file === undefined || !canReplace || !SERVERS.includes(scriptArgv[1])) return;
  const { execArgv, env: environment } = process;
  const lean = leanStart({ execArgv, scriptArgv, environment });
  if (lean === null) return;
  try {
    process.execve?.(process.execPath, [process.execPath, ...lean.argv], lean.environment);
  } catch {
    // Nothing has happened, and more memory is no reason not to serve.
  }
}
