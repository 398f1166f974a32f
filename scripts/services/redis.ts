// A Redis for tests and benchmarks: the one whose address is in REDIS_URL, else the machine's own
// binary, else Debian's package unpacked into the cache. Nothing is installed into the system.

import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { environmentWith, provideDebianPackages } from './debian-package.ts';
import { endProcess, freePort, unprivilegedUser, whenReady } from './service-process.ts';

export interface RedisService extends AsyncDisposable {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** Null when somebody else runs it. */
  readonly processId: number | null;
  /** As `redis-server --version` says it; `from REDIS_URL` when somebody else runs it. */
  readonly version: string;
}

export interface RedisOptions {
  /** When the append-only file is synced to disk. Default `everysec`. */
  readonly appendFsync?: 'always' | 'everysec' | 'no';
  /** Makes it the only node of a cluster; then REDIS_URL is not looked at. Default false. */
  readonly cluster?: boolean;
}

interface RedisProgram {
  readonly path: string;
  readonly libraries: string | null;
}

const CACHE = join(import.meta.dirname, '../../.cache/services');
const START_MS = 10_000;

/**
 * Starts a Redis on a free port of loopback, on an empty folder that is removed afterwards.
 *
 * @throws Error that says what would help, when there is no Redis to be had.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisService> {
  const given = options.cluster === true ? undefined : process.env['REDIS_URL'];
  if (given !== undefined && given !== '') {
    return {
      url: given,
      processId: null,
      version: 'from REDIS_URL',
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const program = installed() ?? (await unpacked());
  const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-redis-'));
  const user = unprivilegedUser();
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const port = await freePort();
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: options.appendFsync ?? 'everysec',
    'cluster-enabled': options.cluster === true ? 'yes' : 'no',
    'cluster-announce-ip': '127.0.0.1',
  };
  const child = spawn(
    program.path,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { env: environmentWith(program.libraries), stdio: ['ignore', 'pipe', 'pipe'], ...user },
  );
  const end = async (): Promise<void> => {
    await endProcess(child, 'SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await whenReady(child, {
      output: child.stdout,
      words: 'Ready to accept connections',
      timeoutMs: START_MS,
    });
  } catch (error) {
    await end();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    processId: child.pid ?? null,
    version: versionOf(program),
    [Symbol.asyncDispose]: end,
  };
}

function installed(): RedisProgram | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'redis-server');
    if (folder !== '' && existsSync(path)) return { path, libraries: null };
  }
  return null;
}

/** Debian's package. */
async function unpacked(): Promise<RedisProgram> {
  const { folder, libraries } = await provideDebianPackages({
    folder: join(CACHE, 'redis'),
    names: ['redis-server', 'redis-tools'],
    dependent: 'redis-tools',
    advice:
      'there is no Redis: set REDIS_URL to the address of one, or put redis-server on the PATH',
  });
  return { path: join(folder, 'usr/bin/redis-server'), libraries };
}

function versionOf(program: RedisProgram): string {
  const options = { env: environmentWith(program.libraries), encoding: 'utf8' } as const;
  const said = execFileSync(program.path, ['--version'], options);
  return /v=(\S+)/.exec(said)?.[1] ?? said.trim();
}
