// A PostgreSQL for tests and benchmarks: the one whose address is in TEST_DATABASE_URL, else one of our
// own on a free port of loopback, in a folder that is removed afterwards.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type PostgresOrigin, providePostgres } from './postgres-program.ts';
import {
  endProcess,
  freePort,
  type SystemUser,
  unprivilegedUser,
  whenReady,
} from './service-process.ts';

/**
 * How it ends: `smart` waits for its clients to leave, `fast` sends them away and writes everything to
 * disk, `immediate` is a crash, after which it recovers from its log.
 */
export type PostgresStopMode = 'smart' | 'fast' | 'immediate';

export interface PostgresOptions {
  /**
   * Settings of `postgresql.conf` by name. Default: PostgreSQL's own, but `fsync` and `full_page_writes`
   * are `off`: a killed process loses nothing by that, a power cut everything. (Without
   * `synchronous_commit`, the killed process would forget what it had said was committed.)
   */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default `any`. */
  readonly origin?: PostgresOrigin;
}

export interface PostgresService extends AsyncDisposable {
  /** `postgres://postgres@127.0.0.1:<port>/postgres`, the same after a restart. */
  readonly url: string;
  /** Of the postmaster that runs now; null when it is stopped, or when somebody else runs it. */
  readonly processId: number | null;
  /** As `postgres --version` says it; `from TEST_DATABASE_URL` when somebody else runs it. */
  readonly version: string;
  /**
   * Stops it and keeps its data. Nothing when it is stopped already.
   *
   * @param mode Default `fast`.
   * @throws Error when somebody else runs it.
   */
  stop(mode?: PostgresStopMode): Promise<void>;
  /**
   * Stops it, unless it is, and starts it on the same data and port.
   *
   * @param mode How it stops. Default `fast`.
   * @throws Error when somebody else runs it.
   */
  restart(mode?: PostgresStopMode): Promise<void>;
}

const START_MS = 30_000;
const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
const FAST_SETTINGS = { fsync: 'off', full_page_writes: 'off' };

const run = promisify(execFile);

/**
 * Starts a PostgreSQL with an empty cluster, whose superuser `postgres` needs no password. Several may
 * run at once, each with its own port and folder. One that is given by TEST_DATABASE_URL is shared: use
 * names of your own in it, and remove them.
 *
 * @throws Error that says what would help, when there is no PostgreSQL to be had.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresService> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') return servedElsewhere(given);
  const user = unprivilegedUser();
  const program = await providePostgres(options.origin ?? 'any', user !== null);
  const folder = mkdtempSync(join(tmpdir(), 'ezthrottle-postgres-'));
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const own = { binaries: program.binaries, folder, user };
  const remove = (): void => {
    for (const path of [folder, program.copy]) {
      if (path !== null) rmSync(path, { recursive: true, force: true });
    }
  };
  try {
    await initialize(own);
    const port = await freePort();
    const settings = { ...FAST_SETTINGS, ...options.settings };
    const version = await versionOf(own);
    return new LocalPostgres({ ...own, port, settings, version, remove }).started();
  } catch (error) {
    remove();
    throw error;
  }
}

interface Cluster {
  readonly binaries: string;
  readonly folder: string;
  readonly user: SystemUser | null;
}

interface LocalCluster extends Cluster {
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly version: string;
  readonly remove: () => void;
}

/** One postmaster after the other, on the same data. */
class LocalPostgres implements PostgresService {
  readonly url: string;
  readonly version: string;
  readonly #cluster: LocalCluster;
  #child: ChildProcess | null = null;

  constructor(cluster: LocalCluster) {
    this.#cluster = cluster;
    this.url = `postgres://postgres@127.0.0.1:${cluster.port}/postgres`;
    this.version = cluster.version;
  }

  get processId(): number | null {
    return this.#child?.pid ?? null;
  }

  async started(): Promise<this> {
    process.once('exit', this.#abandon);
    try {
      await this.#start();
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    return this;
  }

  async stop(mode: PostgresStopMode = 'fast'): Promise<void> {
    if (this.#child !== null) await endProcess(this.#child, STOP_SIGNALS[mode]);
    this.#child = null;
  }

  async restart(mode: PostgresStopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#abandon);
    await this.stop('immediate');
    this.#cluster.remove();
  }

  async #start(): Promise<void> {
    const { binaries, folder, user, port, settings } = this.#cluster;
    const all = {
      ...settings,
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      // It says in English, here, when it is ready.
      lc_messages: 'C',
      logging_collector: 'off',
      log_destination: 'stderr',
    };
    const child = spawn(
      join(binaries, 'postgres'),
      ['-D', folder, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], ...user },
    );
    this.#child = child;
    const words = 'database system is ready to accept connections';
    await whenReady(child, { output: child.stderr, words, timeoutMs: START_MS });
  }

  /** A test that ends without its `await using` leaves nothing behind. */
  readonly #abandon = (): void => {
    this.#child?.kill('SIGQUIT');
    this.#cluster.remove();
  };
}

async function initialize({ binaries, folder, user }: Cluster): Promise<void> {
  const identity = ['--username=postgres', '--auth=trust'];
  const language = ['--encoding=UTF8', '--locale=C'];
  const options = { cwd: folder, ...user };
  await run(
    join(binaries, 'initdb'),
    ['-D', folder, ...identity, ...language, '--no-sync'],
    options,
  );
}

async function versionOf({ binaries, folder, user }: Cluster): Promise<string> {
  const options = { cwd: folder, ...user };
  const { stdout } = await run(join(binaries, 'postgres'), ['--version'], options);
  return /\d+[.\d]*/.exec(stdout)?.[0] ?? stdout.trim();
}

function servedElsewhere(url: string): PostgresService {
  const refuse = (): Promise<void> =>
    Promise.reject(
      new Error('the PostgreSQL of TEST_DATABASE_URL is not ours to stop; unset it for this test'),
    );
  return {
    url,
    processId: null,
    version: 'from TEST_DATABASE_URL',
    stop: refuse,
    restart: refuse,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
