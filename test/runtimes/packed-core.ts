import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withFolderLock } from '../../scripts/services/folder-lock.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/**
 * Makes the folder a project that has @ezthrottle/core installed: built, packed as for the registry,
 * unpacked beside its dependencies. Needs no network.
 */
export async function installPackedCore(project: string): Promise<void> {
  await installPacked(project, ['core']);
}

/** The same for several packages, by their folders. Their peers are left to the project. */
export async function installPacked(project: string, names: readonly string[]): Promise<void> {
  mkdirSync(project, { recursive: true });
  // Deno takes from node_modules only what a manifest names.
  const dependencies = Object.fromEntries(names.map((name) => [`@ezthrottle/${name}`, '*']));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
  const cache = join(root, '.cache');
  mkdirSync(cache, { recursive: true });
  // A build empties its folder first, and several test files want one.
  await withFolderLock(join(cache, 'packing.lock'), async () => {
    const filters = names.map((name) => `--filter=@ezthrottle/${name}`);
    const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' };
    await run('pnpm', ['exec', 'turbo', 'run', 'build', ...filters], { cwd: root, env });
    for (const name of names) await unpack(project, name);
  });
}

async function unpack(project: string, name: string): Promise<void> {
  const source = join(root, 'packages', name);
  const installed = join(project, 'node_modules/@ezthrottle', name);
  mkdirSync(installed, { recursive: true });
  const tarball = join(project, `${name}.tgz`);
  await run('pnpm', ['--dir', source, 'pack', '--out', tarball], { cwd: root });
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  const packed: { dependencies?: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  for (const each of Object.keys(packed.dependencies ?? {})) {
    if (each.startsWith('@ezthrottle/')) continue;
    const dependency = join('node_modules', each);
    cpSync(realpathSync(join(source, dependency)), join(project, dependency), { recursive: true });
  }
}
