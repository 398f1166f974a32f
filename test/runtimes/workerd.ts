import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { RuntimeReport } from '../../packages/core/test/runtimes/run-suite.ts';

const START_MS = 10_000;
const RUN_MS = 60_000;

/** Without `nodejs_compat`: the SDK must do with what every worker has. */
const COMPATIBILITY_DATE = '2025-09-01';

/** A workerd that serves on loopback. */
export interface RunningWorkerd extends AsyncDisposable {
  /** Of its socket. */
  readonly origin: string;
  /** The end of what it has said. */
  readonly output: () => string;
}

/**
 * Starts it on a configuration with one socket, whose port it may choose. Its end is a crash.
 *
 * @param configPath Files that it embeds are named relative to it.
 */
export async function startWorkerd(program: string, configPath: string): Promise<RunningWorkerd> {
  const child = spawn(program, ['serve', '--control-fd=3', configPath], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-10_000);
    });
  }
  try {
    const port = await portOf(child);
    return {
      origin: `http://127.0.0.1:${port}`,
      output: () => output,
      [Symbol.asyncDispose]: () => end(child),
    };
  } catch (error) {
    await end(child);
    throw new Error(`workerd did not start\n${output}`, { cause: error });
  }
}

/** Serves the bundle as a worker on loopback, and asks it to run the suite. */
export async function askWorkerd(
  program: string,
  folder: string,
  serverUrl: string,
): Promise<RuntimeReport> {
  const config = join(folder, 'workerd.capnp');
  writeFileSync(config, configOf(serverUrl));
  await using worker = await startWorkerd(program, config);
  try {
    const signal = AbortSignal.timeout(RUN_MS);
    const response = await fetch(`${worker.origin}/run`, { signal });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`answered ${response.status}: ${text}`);
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`workerd did not run the suite\n${worker.output()}`, { cause: error });
  }
}

/** A worker of the files beside the configuration, the first of which is the worker itself. */
export function configOf(
  serverUrl: string,
  files: readonly string[] = ['worker.mjs', 'suite.mjs'],
): string {
  const modules = files.map((name) => `(name = "${name}", esModule = embed "${name}")`);
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  bindings = [(name = "SERVER_URL", text = ${JSON.stringify(serverUrl)})],
  compatibilityDate = "${COMPATIBILITY_DATE}",
);
`;
}

/** As it says on its control channel, once it listens. */
async function portOf(child: ChildProcess): Promise<number> {
  const control = child.stdio[3];
  if (!(control instanceof Readable)) throw new Error('workerd has no control channel');
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  try {
    for await (const line of createInterface({ input: control })) {
      const message: { event?: string; port?: number } = JSON.parse(line);
      if (message.event === 'listen' && message.port !== undefined) return message.port;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error('workerd does not listen');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
