import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

// The migrations are written as .sql and travel as a module: then they are found from the sources,
// from a bundle, and from wherever the bundle is moved. A test compares the two.

const folder = new URL('../src/store/sqlite/migrations/', import.meta.url);
const target = new URL('../src/store/sqlite/migrations.ts', import.meta.url);

/** The text of `migrations.ts` that belongs to the .sql files as they are now. */
export function embeddedMigrations(): string {
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
    'export interface Migration {\n',
    '  readonly version: number;\n',
    '  readonly name: string;\n',
    '  readonly sql: string;\n',
    '}\n\n',
    'export const MIGRATIONS: readonly Migration[] = [\n',
    ...entries,
    '];\n',
  ].join('');
}

if (import.meta.main) writeFileSync(target, embeddedMigrations());
