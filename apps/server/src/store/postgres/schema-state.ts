import type { Migration } from '../migration.ts';
import { flag, integer } from '../rows/row.ts';
import { SchemaTooNewError } from '../schema-too-new-error.ts';
import type { Database } from './database.ts';

/** The tables are older than this server, and it was told to leave them alone. */
class MigrationsMissingError extends Error {
  readonly code = 'migrations_missing';
  override readonly name = 'MigrationsMissingError';

  constructor(schema: string, missing: readonly Migration[]) {
    super(
      `migrations of the schema "${schema}" are missing (${nameMigrations(missing)}), and this server is told to apply none: ` +
        'run `ezthrottle migrate` as a role that may create tables, or start without --no-migrate',
    );
  }
}

/** As people are told of them: `1 store, 2 cluster`. */
export function nameMigrations(migrations: readonly Migration[]): string {
  return migrations.map(({ version, name }) => `${version} ${name}`).join(', ');
}

/**
 * Which migrations a schema lacks. Changes nothing, and needs no right but to read.
 *
 * @throws SchemaTooNewError when a newer server has written it and does not let older ones go on.
 */
export async function missingMigrations(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const [there = {}] = await database.query('SELECT to_regclass($1) IS NOT NULL AS is_there', [
    `"${database.schema}".schema_migrations`,
  ]);
  if (!flag(there, 'is_there')) return migrations;
  const [row = {}] = await database.query(
    `SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest_server), 0) AS oldest
     FROM {schema_migrations}`,
  );
  const current = integer(row, 'version');
  const known = Math.max(0, ...migrations.map(({ version }) => version));
  if (integer(row, 'oldest') > known) throw new SchemaTooNewError(current, known);
  return migrations.filter(({ version }) => version > current);
}

/** @throws MigrationsMissingError, SchemaTooNewError */
export async function requireMigrated(
  database: Database,
  migrations: readonly Migration[],
): Promise<void> {
  const missing = await missingMigrations(database, migrations);
  if (missing.length > 0) throw new MigrationsMissingError(database.schema, missing);
}
