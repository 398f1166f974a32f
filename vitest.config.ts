import { defineConfig, type ViteUserConfig } from 'vitest/config';

// Packages of this workspace are read from their sources: by vitest's own module graph (`resolve`)
// and by Node for what vitest leaves to it (`execArgv`).
const sourceCondition = '@ezthrottle/source';
const conditions = [sourceCondition, 'module', 'node', 'development|production'];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const execArgv = [`--conditions=${sourceCondition}`];
const exclude = ['**/node_modules/**', '**/dist/**', '**/.cache/**'];

const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['**/src/**/*.test.ts'],
          exclude,
          execArgv,
          pool: 'threads',
        },
      },
      {
        ...shared,
        test: {
          name: 'integration',
          include: ['**/test/**/*.test.ts'],
          exclude,
          execArgv,
          pool: 'forks',
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
});

export default config;
