// Debian's packages for services, unpacked into the cache. Nothing is installed into the system.

import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withFolderLock } from './folder-lock.ts';

export interface DebianPackages {
  /** Of the cache. */
  readonly folder: string;
  /** The one with the program first. */
  readonly names: readonly [string, ...string[]];
  /** The package whose libraries are needed. */
  readonly dependent: string;
  /** What would help when they are not to be had. */
  readonly advice: string;
}

export interface UnpackedPackages {
  readonly folder: string;
  /** For `LD_LIBRARY_PATH`; null: the machine has all that is needed. */
  readonly libraries: string | null;
}

/**
 * The packages and those libraries of them that the machine lacks, unpacked once.
 *
 * @throws Error with the advice.
 */
export async function provideDebianPackages(packages: DebianPackages): Promise<UnpackedPackages> {
  const { folder } = packages;
  if (!existsSync(folder)) {
    mkdirSync(join(folder, '..'), { recursive: true });
    await withFolderLock(`${folder}.lock`, async () => {
      if (!existsSync(folder)) unpack(packages);
    });
  }
  const [libraries = null] = globSync('usr/lib/*-linux-gnu*', { cwd: folder });
  return { folder, libraries: libraries === null ? null : join(folder, libraries) };
}

export function environmentWith(libraries: string | null): NodeJS.ProcessEnv {
  return libraries === null ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries };
}

function unpack({ folder, names, dependent, advice }: DebianPackages): void {
  const draft = `${folder}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(join(draft, 'packages'), { recursive: true });
  try {
    unpackInto(draft, names, dependent);
    renameSync(draft, folder);
  } catch (error) {
    throw new Error(
      `${advice} (on Debian and Ubuntu its package is fetched by apt-get, whose lists 'apt-get update' brings)`,
      { cause: error },
    );
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function unpackInto(draft: string, names: readonly string[], dependent: string): void {
  const cwd = join(draft, 'packages');
  const run = (program: string, args: string[]): string =>
    execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const depends = run('apt-cache', ['depends', '--important', dependent]);
  const libraries = [...depends.matchAll(/^\s+Depends: (lib\S+)$/gm)].flatMap(
    ([, name]) => name ?? [],
  );
  const known = run('dpkg-query', ['-W', '-f', '${Package} ${Status}\n']).split('\n');
  const missing = libraries.filter((name) => !known.includes(`${name} install ok installed`));
  run('apt-get', ['download', ...names, ...missing]);
  for (const name of readdirSync(cwd)) run('dpkg', ['-x', name, draft]);
}
