// node scripts/with-toolchain.mjs [--build | --no-install] <command> [argument...]
//
// Runs a command of this workspace with the Node and pnpm it is developed on, whatever Node started
// this file (20.19 or later, hence plain JavaScript): finds the two, or gets them from the package
// registry into npm's own cache; installs dependencies if they changed; then runs the command with
// its arguments untouched, its output inherited, its exit code and signals passed on. Everything
// written on the way goes to stderr, so stdout is the command's alone.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '24.21.0';
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(root, '.cache');
const startedByNpm = process.env.npm_lifecycle_event !== undefined;
const pnpmVersion = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
).packageManager.split('@')[1];

/** What the outer npm or pnpm exported would change how the inner one behaves; only what reaches the network stays. */
function cleanEnvironment() {
  const kept =
    /^npm_config_(registry|userconfig|cache|(https?_?)?proxy|https-proxy|no_?proxy|cafile|ca|strict_ssl|.*:.*)$/i;
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    const outer = /^npm_/i.test(name) || /^(INIT_CWD|PNPM_SCRIPT_SRC_DIR)$/.test(name);
    if (!outer || kept.test(name)) env[name] = value;
  }
  env.TURBO_TELEMETRY_DISABLED = '1';
  env.DO_NOT_TRACK ??= '1';
  return env;
}

/** The tools need 22.19 on the 22 line, 24.11 from 23 on. */
function nodeIsRecent() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return (major === 22 && minor >= 19) || (major === 24 && minor >= 11) || major > 24;
}

function pnpmIsRight(env) {
  const asked = spawnSync('pnpm', ['--version'], { cwd: root, env, encoding: 'utf8' });
  return asked.status === 0 && asked.stdout.trim() === pnpmVersion;
}

/** The folder that holds `node` and `pnpm`, or '' when those on PATH are right. */
function toolFolder(env) {
  if (nodeIsRecent() && pnpmIsRight(env)) return '';

  const wanted = `node@${NODE_VERSION} pnpm@${pnpmVersion}`;
  const noted = join(cache, 'toolchain.json');
  try {
    const note = JSON.parse(readFileSync(noted, 'utf8'));
    if (
      note.wanted === wanted &&
      ['node', 'pnpm'].every((tool) => existsSync(join(note.folder, tool)))
    ) {
      return note.folder;
    }
  } catch {
    // nothing noted yet
  }

  process.stderr.write(
    `Getting Node ${NODE_VERSION} and pnpm ${pnpmVersion} from the package registry…\n`,
  );
  const packages = wanted.split(' ').flatMap((name) => ['-p', name]);
  const asked = spawnSync(
    'npx',
    ['--yes', ...packages, '-c', 'node scripts/with-toolchain.mjs --print-tool-folder'],
    { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const folder = asked.status === 0 ? asked.stdout.trim().split('\n').at(-1) : undefined;
  if (!folder) {
    process.stderr.write(`Could not get ${wanted} through npx; it needs the package registry.\n`);
    process.exit(asked.status || 1);
  }
  mkdirSync(cache, { recursive: true });
  writeFileSync(noted, JSON.stringify({ wanted, folder }));
  return folder;
}

/** Called inside npx: where on PATH it put the two. */
function printToolFolder() {
  const folders = process.env.PATH.split(delimiter);
  const folder = folders.find((each) =>
    ['node', 'pnpm'].every((tool) => existsSync(join(each, tool))),
  );
  if (folder === undefined || process.version !== `v${NODE_VERSION}`) process.exit(1);
  console.log(folder);
}

/** A digest of all that decides what is installed. */
function installDigest() {
  const hash = createHash('sha256').update(process.platform + process.arch);
  const folders = ['', 'bench', 'apps/server'];
  for (const parent of ['packages', 'apps/examples']) {
    if (!existsSync(join(root, parent))) continue;
    for (const name of readdirSync(join(root, parent)).sort()) folders.push(`${parent}/${name}`);
  }
  for (const file of [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    ...folders.map((f) => join(f, 'package.json')),
  ]) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(file).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function isInstalled() {
  const stamp = join(cache, 'installed');
  return (
    existsSync(join(root, 'node_modules/.modules.yaml')) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === installDigest()
  );
}

/** One install at a time; a lock older than five minutes was left by a process that was killed. */
async function withInstallLock(work) {
  const lock = join(cache, 'install.lock');
  mkdirSync(cache, { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (Date.now() - since > 300_000) rmSync(lock, { recursive: true, force: true });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const unlock = () => rmSync(lock, { recursive: true, force: true });
  process.once('exit', unlock);
  try {
    return await work();
  } finally {
    process.off('exit', unlock);
    unlock();
  }
}

/**
 * Runs a command to its end; ends this process with it when it fails.
 * A terminal sends its Ctrl-C to the whole group, so SIGINT is passed on only without one.
 * When the npm that started this process is killed, the command is ended too and not left behind.
 */
function run(command, args, env, { toStderr }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: toStderr ? ['ignore', 2, 2] : 'inherit',
    });
    const forward = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (startedByNpm && process.ppid !== parent) child.kill('SIGTERM');
    }, 500);
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      process.exit(127);
    });
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      for (const each of signals) process.off(each, forward);
      if (code === 0) resolve();
      else process.exit(code ?? 128 + constants.signals[signal]);
    });
  });
}

async function main() {
  const args = process.argv.slice(2);
  if (args[0] === '--print-tool-folder') return printToolFolder();
  const option = args[0]?.startsWith('--') ? args.shift() : '';
  const [command, ...rest] = args;
  if (command === undefined || !['', '--build', '--no-install'].includes(option)) {
    process.stderr.write(
      'usage: node scripts/with-toolchain.mjs [--build | --no-install] <command> [argument...]\n',
    );
    process.exit(2);
  }

  const env = cleanEnvironment();
  const folder = toolFolder(env);
  const bins = [join(root, 'node_modules/.bin'), env.PATH];
  if (folder !== '') bins.unshift(folder);
  env.PATH = bins.join(delimiter);

  if (option !== '--no-install' && !isInstalled()) {
    await withInstallLock(async () => {
      if (isInstalled()) return;
      const install = [
        'install',
        '--frozen-lockfile',
        '--reporter=append-only',
        '--loglevel=error',
      ];
      await run('pnpm', install, env, { toStderr: true });
      writeFileSync(join(cache, 'installed'), installDigest());
    });
  }
  if (option === '--build')
    await run('pnpm', ['run', '--silent', 'build'], env, { toStderr: true });
  await run(command, rest, env, { toStderr: false });
}

await main();
