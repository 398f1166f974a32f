import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const core = join(root, 'packages/core');

/**
 * Makes the folder a project that has @ezthrottle/core installed: built, packed as for the registry,
 * unpacked beside its dependencies. Needs no network.
 */
export async function installPackedCore(project: string): Promise<void> {
  const installed = join(project, 'node_modules/@ezthrottle/core');
  mkdirSync(installed, { recursive: true });
  // Deno takes from node_modules only what a manifest names.
  const manifest = { type: 'module', dependencies: { '@ezthrottle/core': '*' } };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  const inRoot = { cwd: root, env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' } };
  await run('pnpm', ['exec', 'turbo', 'run', 'build', '--filter=@ezthrottle/core'], inRoot);
  const tarball = join(project, 'core.tgz');
  await run('pnpm', ['--dir', core, 'pack', '--out', tarball], inRoot);
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  const packed: { dependencies?: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  for (const name of Object.keys(packed.dependencies ?? {})) {
    const dependency = join('node_modules', name);
    cpSync(realpathSync(join(core, dependency)), join(project, dependency), { recursive: true });
  }
}
