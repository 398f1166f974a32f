import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { RuntimeReport, Task } from '../../packages/core/test/runtimes/run-suite.ts';
import type { RuntimeProgram } from '../../scripts/services/runtimes.ts';
import { askWorkerd } from './workerd.ts';

const run = promisify(execFile);
const RUN_MS = 60_000;

/** Runs the suite of a bundle folder on a runtime. */
export async function runSuiteOn(
  program: RuntimeProgram,
  folder: string,
  task: Task,
): Promise<RuntimeReport> {
  if (program.kind === 'workerd') return askWorkerd(program.path, folder, task.serverUrl);
  const allowed = task.environment === 'readable' ? ['EZTHROTTLE_API_KEY', 'EZTHROTTLE_URL'] : [];
  const output = await outputOf(program, join(folder, `run-${program.kind}.mjs`), {
    arguments: [JSON.stringify(task)],
    environment: { EZTHROTTLE_API_KEY: 'key_of_the_environment', EZTHROTTLE_URL: task.serverUrl },
    permissions: ['--allow-net=127.0.0.1', ...allowed.map((variable) => `--allow-env=${variable}`)],
  });
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
}

export interface FileOptions {
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Of Deno, where nothing is allowed that is not named. */
  readonly permissions?: readonly string[];
}

/** Runs a file to its end; gives what it printed. */
export async function outputOf(
  program: RuntimeProgram,
  file: string,
  options: FileOptions = {},
): Promise<string> {
  const manual = ['--no-prompt', '--no-lock', '--node-modules-dir=manual'];
  const deno = ['run', ...manual, ...(options.permissions ?? [])];
  const before = program.kind === 'deno' ? deno : [];
  const { stdout } = await run(program.path, [...before, file, ...(options.arguments ?? [])], {
    timeout: RUN_MS,
    cwd: dirname(file),
    // Nothing else of this process's environment, which has options for Node in it.
    env: {
      PATH: process.env['PATH'],
      HOME: dirname(file),
      DENO_NO_UPDATE_CHECK: '1',
      ...options.environment,
    },
    maxBuffer: 8 * 1024 * 1024,
  });
  return stdout;
}
