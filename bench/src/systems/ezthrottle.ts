import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RunningSystem, Setting, System } from './system.ts';

const MANIFEST = import.meta.resolve('@ezthrottle/server/package.json');
/** The built command, as it is published. */
const COMMAND = fileURLToPath(new URL('./dist/cli/main.js', MANIFEST));
const STOP_MS = 15_000;

/** So much more than any run reaches that pace never decides; the bound is `concurrency`. */
const UNBOUND_RATE = 1_000_000;

export const ezthrottle: System = {
  name: 'EZThrottle',
  async start(setting: Setting): Promise<RunningSystem> {
    const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-bench-'));
    const apiKey = `ezt_bench_${randomBytes(24).toString('base64url')}`;
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify(configOf(setting, folder, apiKey)), { mode: 0o600 });
    const child = spawn(process.execPath, [COMMAND, 'start', '--json', '--config', config], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const end = async (): Promise<void> => {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      child.kill('SIGTERM');
      await exited;
      clearTimeout(timer);
      rmSync(folder, { recursive: true, force: true });
    };
    const first = once(createInterface({ input: child.stdout }), 'line');
    const line = await Promise.race([first, exited.then(() => null)]);
    if (line === null) {
      await end();
      throw new Error('the server did not start; `pnpm build` makes what is started here');
    }
    const { url }: { url: string } = JSON.parse(String(line[0]));
    return {
      submitUrl: `${url}/api/v1/jobs`,
      batchUrl: `${url}/api/v1/jobs/batch`,
      folder,
      headers: { authorization: `Bearer ${apiKey}` },
      processIds: child.pid === undefined ? [] : [child.pid],
      description: `${versionOf()}, SQLite, synced to disk before each answer`,
      [Symbol.asyncDispose]: end,
    };
  },
};

function configOf(setting: Setting, folder: string, apiKey: string): object {
  const { target, secret, concurrency } = setting;
  const rule = { requestsPerSecond: UNBOUND_RATE, burst: 1_000, concurrency };
  return {
    host: '127.0.0.1',
    port: 0,
    dataDir: folder,
    apiKey,
    masterKey: randomBytes(32).toString('base64'),
    signingSecret: secret,
    allowLoopbackTargets: true,
    // Without a rule a destination starts at two requests per second: nearly all jobs wait.
    rates: concurrency === 0 ? {} : { [target]: rule },
    logLevel: 'warn',
  };
}

function versionOf(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(new URL(MANIFEST), 'utf8'));
  return version;
}
