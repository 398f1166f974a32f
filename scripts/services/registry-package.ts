// Programs that the package registry has: too heavy to be dependencies of the workspace, installed into
// the cache when somebody asks for one.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { withFolderLock } from './folder-lock.ts';

export interface RegistryPackage {
  readonly name: string;
  /** Exact. */
  readonly version: string;
  /** Where it is to be, in a `node_modules` inside. */
  readonly folder: string;
  /** Ends what is said when it cannot be had. */
  readonly advice: string;
  /** Completes the package, given its own folder, before anybody sees it. */
  readonly complete?: (packageFolder: string) => void;
}

const INSTALL_MS = 150_000;
const QUIET = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
/** Without a network it is to say so soon. */
const PATIENCE = ['--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=5000'];

const run = promisify(execFile);

/**
 * Installs the package unless it is there, once for all processes; gives its own folder. Runs no
 * scripts of the package.
 *
 * @throws Error that says what would help, when it cannot be had.
 */
export async function provideRegistryPackage(wanted: RegistryPackage): Promise<string> {
  const { name, folder } = wanted;
  const own = join(folder, 'node_modules', name);
  if (!existsSync(own)) {
    mkdirSync(dirname(folder), { recursive: true });
    await withFolderLock(`${folder}.lock`, async () => {
      if (!existsSync(own)) await install(wanted);
    });
  }
  return own;
}

/** Beside its place first, so that what stands there is always whole. */
async function install({
  name,
  version,
  folder,
  advice,
  complete,
}: RegistryPackage): Promise<void> {
  const draft = `${folder}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  const place = ['--prefix', draft, '--ignore-scripts'];
  try {
    await run('npm', ['install', ...place, ...QUIET, ...PATIENCE, `${name}@${version}`], {
      timeout: INSTALL_MS,
    });
    complete?.(join(draft, 'node_modules', name));
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } catch (error) {
    throw new Error(
      `${name}@${version} could not be installed: it needs npm and the package registry. ${advice}`,
      { cause: error },
    );
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
