import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { root } from './documents.ts';

/** A development server in a process of its own, from source, on an empty data folder. */
export interface DevServer extends AsyncDisposable {
  readonly url: string;
  readonly apiKey: string;
  readonly signingSecret: string;
}

const COMMAND = join(root, 'apps/server/src/cli/main.ts');
const PRELOADS = ['loopback-only.ts', 'server-world.ts'].flatMap((module) => [
  '--import',
  pathToFileURL(join(import.meta.dirname, module)).href,
]);
const STOP_MS = 10_000;

/**
 * @param upstream Origin of the server that stands for example.com.
 * @throws Error with what it printed, when it ends instead of listening.
 */
export async function startDevServer(upstream: string): Promise<DevServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ezthrottle-readme-'));
  const node = ['--conditions=@ezthrottle/source', ...PRELOADS, COMMAND];
  const settings = ['--json', '--port', '0', '--data-dir', dataDir, '--log-level', 'warn'];
  const child = spawn(process.execPath, [...node, 'dev', ...settings], {
    cwd: dataDir,
    env: { ...withoutSettings(process.env), SNIPPET_UPSTREAM: upstream },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-64 * 1024);
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
    rmSync(dataDir, { recursive: true, force: true });
  };
  if (child.stdout === null) throw new Error('the server has no output');
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line'), exited.then(() => null)]);
  if (first === null) {
    await stop();
    throw new Error(`the server did not start\n${errors}`);
  }
  const facts: Pick<DevServer, 'url' | 'apiKey' | 'signingSecret'> = JSON.parse(String(first[0]));
  return { ...facts, [Symbol.asyncDispose]: stop };
}

/** The environment of whoever runs the tests must not configure the server. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.entries(environment);
  return Object.fromEntries(entries.filter(([name]) => !name.startsWith('EZTHROTTLE_')));
}
