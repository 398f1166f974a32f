// A Redis for tests and benchmarks: the one whose address is in REDIS_URL, else the machine's own
// binary, else Debian's package unpacked into the cache. Nothing is installed into the system.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
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
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

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
  const given = process.env['REDIS_URL'];
  if (given !== undefined && given !== '') {
    return {
      url: given,
      processId: null,
      version: 'from REDIS_URL',
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const program = installed() ?? unpacked();
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
  };
  const child = spawn(
    program.path,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { env: environmentOf(program), stdio: ['ignore', 'pipe', 'pipe'], ...user },
  );
  const end = async (): Promise<void> => {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(child);
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
function unpacked(): RedisProgram {
  const folder = join(CACHE, 'redis');
  if (!existsSync(folder)) {
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
  const [libraries = null] = globSync('usr/lib/*-linux-gnu*', { cwd: folder });
  return {
    path: join(folder, 'usr/bin/redis-server'),
    libraries: libraries === null ? null : join(folder, libraries),
  };
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

/** A database does not run as root; null when this process is nobody special already. */
function unprivilegedUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string): number =>
    Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

async function ready(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error('redis-server has no output');
  const said: string[] = [];
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      if (line.includes('Ready to accept connections')) {
        // Whatever it says later must not fill the pipe.
        child.stdout.resume();
        child.stderr?.resume();
        return;
      }
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`redis-server did not start\n${said.slice(-20).join('\n')}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
