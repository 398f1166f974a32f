import { defineConfig, type ViteUserConfig } from 'vitest/config';

// Packages of this workspace are read from their sources: by vitest's own module graph (`resolve`)
// and by Node for what vitest leaves to it (`execArgv`).
const sourceCondition = '@ezthrottle/source';
const conditions = [sourceCondition, 'module', 'node', 'development|production'];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const execArgv = [`--conditions=${sourceCondition}`];
const exclude = ['**/node_modules/**', '**/dist/**', '**/.cache/**'];
/** Integration tests wait for databases and other processes most of the time, and assert no times: two files at once take half as long. */
const filesAtOnce = 2;
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
          maxWorkers: '100%',
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
          maxWorkers: filesAtOnce,
          sequence: { groupOrder: 1 },
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
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: filesAtOnce,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

export default config;
