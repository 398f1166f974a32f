import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

// The migrations are written as .sql and travel as a module: then they are found from the sources,
// from a bundle, and from wherever the bundle is moved. A test compares the two.

/** Stores that have migrations: `src/store/<name>/migrations/*.sql`. */
const MIGRATED_STORES = ['sqlite', 'postgres'] as const;

type MigratedStore = (typeof MIGRATED_STORES)[number];

/** The text of a store's `migrations.ts` that belongs to its .sql files as they are now. */
export function embeddedMigrations(store: MigratedStore): string {
  const folder = new URL(`../src/store/${store}/migrations/`, import.meta.url);
  const files = readdirSync(folder)
    .filter((file) => /^\d{4}_[a-z0-9_]+\.sql$/.test(file))
    .sort();
  const entries = files.map((file) => {
    const version = Number(file.slice(0, 4));
    const name = file.slice(5, -'.sql'.length);
    const sql = readFileSync(new URL(file, folder), 'utf8');
    if (/`|\\|\$\{/.test(sql)) throw new Error(`${file}: no backtick, backslash or \${ please`);
    return `  {\n    version: ${version},\n    name: '${name}',\n    sql: \`${sql}\`,\n  },\n`;
  });
  return [
    '// Made from migrations/*.sql by scripts/embed-migrations.ts: change those, then run it.\n\n',
    "import type { Migration } from '../migration.ts';\n\n",
    'export const MIGRATIONS: readonly Migration[] = [\n',
    ...entries,
    '];\n',
  ].join('');
}

if (import.meta.main) {
  for (const store of MIGRATED_STORES) {
    const target = new URL(`../src/store/${store}/migrations.ts`, import.meta.url);
    writeFileSync(target, embeddedMigrations(store));
  }
}
