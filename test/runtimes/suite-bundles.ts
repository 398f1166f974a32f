import { join } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';

const sources = join(import.meta.dirname, '../../packages/core/test/runtimes');

/**
 * Which of the package's conditions a bundler resolved: `node` takes node:crypto, `portable` the
 * defaults, which are JavaScript and what the web has.
 */
export type BundleKind = 'node' | 'portable';

/** Bundles the suite once, and beside it a runner of a few lines for each runtime; gives the folder. */
export async function bundleSuite(project: string, kind: BundleKind): Promise<string> {
  const outdir = join(project, kind);
  const shared: BuildOptions = {
    outdir,
    bundle: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    platform: kind === 'node' ? 'node' : 'neutral',
    target: 'es2022',
    logLevel: 'silent',
    plugins: [fromPackage(project)],
  };
  await build({ ...shared, entryPoints: [join(sources, 'suite.ts')] });
  const runners = kind === 'node' ? ['run-node', 'run-bun', 'run-deno'] : allRunners;
  await build({
    ...shared,
    entryPoints: runners.map((name) => join(sources, `${name}.ts`)),
    external: ['node:*'],
    plugins: [besideSuite],
  });
  return outdir;
}

const allRunners = ['run-node', 'run-bun', 'run-deno', 'worker'];

/** The package as it was packed, by the exports in its manifest; not this workspace's sources. */
function fromPackage(project: string): Plugin {
  return {
    name: 'from-package',
    setup(bundler) {
      bundler.onResolve({ filter: /^@ezthrottle\/core/ }, ({ path, kind, pluginData }) =>
        pluginData === 'resolved'
          ? null
          : bundler.resolve(path, { kind, resolveDir: project, pluginData: 'resolved' }),
      );
    },
  };
}

const besideSuite: Plugin = {
  name: 'beside-suite',
  setup(bundler) {
    bundler.onResolve({ filter: /^\.\/suite\.ts$/ }, () => ({
      path: './suite.mjs',
      external: true,
    }));
  },
};
