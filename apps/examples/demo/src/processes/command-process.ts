import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(
  new URL('./dist/cli/main.js', import.meta.resolve('@ezthrottle/server/package.json')),
);

/** An `ezthrottle` that runs. */
export interface CommandProcess {
  /** What it says with `--json` once it listens. */
  readonly said: Readonly<Record<string, unknown>>;
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** Starts the command as a user would and waits until it listens. */
export async function startCommand(
  line: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandProcess> {
  const child = spawn(process.execPath, [COMMAND, ...line], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`ezthrottle ${line[0]} ended with code ${String(code)}`);
  });
  exited.catch(() => undefined);
  const [text] = await Promise.race([once(createInterface(child.stdout), 'line'), exited]);
  return {
    said: JSON.parse(String(text)),
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}
