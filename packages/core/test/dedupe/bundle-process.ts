import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles a file of `processes/` from the sources, for a runtime that is not Node; gives its path. */
export async function bundleProcess(file: string, folder: string): Promise<string> {
  const outfile = join(folder, file.replace(/\.ts$/, '.mjs'));
  await build({
    entryPoints: [join(import.meta.dirname, 'processes', file)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    conditions: ['@ezthrottle/source'],
    external: ['bun:*'],
  });
  return outfile;
}
