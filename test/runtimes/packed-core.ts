import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const core = join(root, 'packages/core');

/**
 * Makes the folder a project that has @ezthrottle/core installed: built, packed as for the registry,
 * unpacked beside its one dependency. Needs no network.
 */
export async function installPackedCore(project: string): Promise<void> {
  const installed = join(project, 'node_modules/@ezthrottle/core');
  mkdirSync(installed, { recursive: true });
  const inRoot = { cwd: root, env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' } };
  await run('pnpm', ['exec', 'turbo', 'run', 'build', '--filter=@ezthrottle/core'], inRoot);
  const tarball = join(project, 'core.tgz');
  await run('pnpm', ['--dir', core, 'pack', '--out', tarball], inRoot);
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  const dependency = 'node_modules/@noble/hashes';
  cpSync(realpathSync(join(core, dependency)), join(project, dependency), { recursive: true });
}
