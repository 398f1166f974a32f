import { defineConfig, type UserConfig } from 'tsdown';

/**
 * The one build of every published package: ESM and its declarations, one file per entry of
 * `exports`, code shared between entries in chunks, dependencies left outside.
 *
 * `platform: 'neutral'` for packages that must run outside Node, `'node'` for the rest.
 */
export function packageBuild(options: {
  entry: Record<string, string>;
  platform: 'neutral' | 'node';
  target: string;
}): UserConfig {
  return defineConfig({
    entry: options.entry,
    platform: options.platform,
    target: options.target,
    format: 'esm',
    fixedExtension: false,
    dts: true,
    sourcemap: false,
    clean: true,
    outDir: 'dist',
    hash: false,
    logLevel: 'warn',
  });
}
