import { defineConfig, type ViteUserConfig } from 'vitest/config';

// Packages of this workspace are read from their sources: by vitest's own module graph (`resolve`)
// and by Node for what vitest leaves to it (`execArgv`).
const sourceCondition = '@ezthrottle/source';
const conditions = [sourceCondition, 'module', 'node', 'development|production'];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const execArgv = [`--conditions=${sourceCondition}`];
const exclude = ['**/node_modules/**', '**/dist/**', '**/.cache/**'];
/** They wait for databases and other processes most of the time, and measure nothing: two at once take half as long. */
const onPostgres = [
  'apps/server/test/{archive,cluster,store-postgres}/**/*.test.ts',
  'packages/postgres/test/**/*.test.ts',
];

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
          exclude: [...exclude, ...onPostgres],
          execArgv,
          pool: 'forks',
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'postgres',
          include: onPostgres,
          exclude,
          execArgv,
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

export default config;
