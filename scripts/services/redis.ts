// A Redis for tests and benchmarks: the one whose address is in REDIS_URL, else the machine's own
// binary, else Debian's package unpacked into the cache. Nothing is installed into the system.

import { execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { withFolderLock } from './folder-lock.ts';
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
    { env: environmentOf(program), stdio: ['ignore', 'pipe', 'pipe'], ...user },
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

/** Debian's package and those libraries of it that the machine lacks, unpacked once. */
async function unpacked(): Promise<RedisProgram> {
  const folder = join(CACHE, 'redis');
  if (!existsSync(folder)) {
    mkdirSync(CACHE, { recursive: true });
    await withFolderLock(`${folder}.lock`, async () => {
      if (!existsSync(folder)) unpack(folder);
    });
  }
  const [libraries = null] = globSync('usr/lib/*-linux-gnu*', { cwd: folder });
  return {
    path: join(folder, 'usr/bin/redis-server'),
    libraries: libraries === null ? null : join(folder, libraries),
  };
}

function unpack(folder: string): void {
  const draft = `${folder}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(join(draft, 'packages'), { recursive: true });
  try {
    unpackInto(draft);
    renameSync(draft, folder);
  } catch (error) {
    throw new Error(
      'there is no Redis: set REDIS_URL to the address of one, or put redis-server on the PATH ' +
        "(on Debian and Ubuntu its package is fetched by apt-get, whose lists 'apt-get update' brings)",
      { cause: error },
    );
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function unpackInto(draft: string): void {
  const cwd = join(draft, 'packages');
  const run = (program: string, args: string[]): string =>
    execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const depends = run('apt-cache', ['depends', '--important', 'redis-tools']);
  const libraries = [...depends.matchAll(/^\s+Depends: (lib\S+)$/gm)].flatMap(
    ([, name]) => name ?? [],
  );
  const known = run('dpkg-query', ['-W', '-f', '${Package} ${Status}\n']).split('\n');
  const missing = libraries.filter((name) => !known.includes(`${name} install ok installed`));
  run('apt-get', ['download', 'redis-server', 'redis-tools', ...missing]);
  for (const name of readdirSync(cwd)) run('dpkg', ['-x', name, draft]);
}

function environmentOf({ libraries }: RedisProgram): NodeJS.ProcessEnv {
  return libraries === null ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries };
}

function versionOf(program: RedisProgram): string {
  const options = { env: environmentOf(program), encoding: 'utf8' } as const;
  const said = execFileSync(program.path, ['--version'], options);
  return /v=(\S+)/.exec(said)?.[1] ?? said.trim();
}
