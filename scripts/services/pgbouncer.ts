// A PgBouncer for tests: the machine's own, else Debian's package unpacked into the cache. Nothing is
// installed into the system.

import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { environmentWith, provideDebianPackages } from './debian-package.ts';
import { endProcess, freePort, unprivilegedUser, whenReady } from './service-process.ts';

export interface PgbouncerOptions {
  /** The PostgreSQL behind it, which lets its user in without a password. */
  readonly databaseUrl: string;
  /** When a session of the server goes to another client. Default `transaction`. */
  readonly poolMode?: 'session' | 'transaction' | 'statement';
  /** How many named statements it carries for each session, where its version can: from 1.21 on. Default 0: none. */
  readonly preparedStatements?: number;
  /** Sessions of the server, at most. Default 4. */
  readonly poolSize?: number;
}

export interface PgbouncerService extends AsyncDisposable {
  /** The address of the database behind it, through it. */
  readonly url: string;
  /** As `pgbouncer --version` says it. */
  readonly version: string;
  /** Whether this version can carry named statements between sessions. */
  readonly carriesNames: boolean;
}

interface Program {
  readonly path: string;
  readonly libraries: string | null;
}

const CACHE = join(import.meta.dirname, '../../.cache/services');
const START_MS = 10_000;

/**
 * Starts a PgBouncer on a free port of loopback, which lets everybody in as the user of the address.
 *
 * @throws Error that says what would help, when there is no PgBouncer to be had.
 */
export async function startPgbouncer(options: PgbouncerOptions): Promise<PgbouncerService> {
  const program = installed() ?? (await unpacked());
  const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-pgbouncer-'));
  const version = versionOf(program);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const carriesNames = major > 1 || minor >= 21;
  const port = await freePort();
  const user = unprivilegedUser();
  const own = copied(program, folder);
  const settings = join(folder, 'pgbouncer.ini');
  writeFileSync(settings, settingsOf(options, port, carriesNames));
  // What it runs and reads lies where nobody special gets.
  chmodSync(folder, 0o755);
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const child = spawn(own.path, [settings], {
    env: environmentWith(own.libraries),
    stdio: ['ignore', 'ignore', 'pipe'],
    ...user,
  });
  const end = async (): Promise<void> => {
    await endProcess(child, 'SIGQUIT');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await whenReady(child, { output: child.stderr, words: 'process up', timeoutMs: START_MS });
  } catch (error) {
    await end();
    throw error;
  }
  const url = new URL(options.databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return { url: url.href, version, carriesNames, [Symbol.asyncDispose]: end };
}

function settingsOf(options: PgbouncerOptions, port: number, carriesNames: boolean): string {
  const { hostname, port: behind, username } = new URL(options.databaseUrl);
  const lines = [
    '[databases]',
    `* = host=${hostname} port=${behind || '5432'} user=${username || 'postgres'}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${options.poolMode ?? 'transaction'}`,
    `default_pool_size = ${options.poolSize ?? 4}`,
    'max_client_conn = 500',
    ...(carriesNames ? [`max_prepared_statements = ${options.preparedStatements ?? 0}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function installed(): Program | null {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(folder, 'pgbouncer');
    if (folder !== '' && existsSync(path)) return { path, libraries: null };
  }
  return null;
}

/** Debian's package. */
async function unpacked(): Promise<Program> {
  const { folder, libraries } = await provideDebianPackages({
    folder: join(CACHE, 'pgbouncer'),
    names: ['pgbouncer'],
    dependent: 'pgbouncer',
    advice: 'there is no PgBouncer: put pgbouncer on the PATH',
  });
  return { path: join(folder, 'usr/sbin/pgbouncer'), libraries };
}

/** Where somebody without any right of its own may run it. */
function copied(program: Program, folder: string): Program {
  if (program.libraries === null && !program.path.startsWith(CACHE)) return program;
  const path = join(folder, 'pgbouncer');
  cpSync(program.path, path);
  if (program.libraries === null) return { path, libraries: null };
  const libraries = join(folder, 'libraries');
  cpSync(program.libraries, libraries, { recursive: true, verbatimSymlinks: true });
  return { path, libraries };
}

function versionOf(program: Program): string {
  const options = { env: environmentWith(program.libraries), encoding: 'utf8' } as const;
  const said = execFileSync(program.path, ['--version'], options);
  return /\d+[.\d]+/.exec(said)?.[0] ?? said.trim();
}
