import type { Clock } from '@ezthrottle/engine';
import { SchemaTooNewError } from '../schema-too-new-error.ts';
import type { Connection } from './connection.ts';
import type { Migration } from '../migration.ts';
import { integer } from '../rows/row.ts';

/**
 * Brings the schema up to date: every migration once, in order, all in one transaction.
 * Returns the versions that were applied now.
 *
 * @throws SchemaTooNewError when the file is ahead of `migrations`; nothing is changed then.
 */
export function migrate(
  connection: Connection,
  migrations: readonly Migration[],
  clock: Pick<Clock, 'now'>,
): readonly number[] {
  // Taking the write lock first: two processes that start together migrate once.
  connection.execute('BEGIN IMMEDIATE');
  try {
    const applied = applyMissing(connection, migrations, clock);
    connection.execute('COMMIT');
    return applied;
  } catch (error) {
    if (connection.isInTransaction) connection.execute('ROLLBACK');
    throw error;
  }
}

function applyMissing(
  connection: Connection,
  migrations: readonly Migration[],
  clock: Pick<Clock, 'now'>,
): readonly number[] {
  connection.execute(
    `CREATE TABLE IF NOT EXISTS schema_migrations (
       version INTEGER PRIMARY KEY,
       name TEXT NOT NULL,
       applied_at INTEGER NOT NULL
     ) STRICT`,
  );
  const row = connection
    .prepare('SELECT coalesce(max(version), 0) AS version FROM schema_migrations')
    .get();
  const current = row === undefined ? 0 : integer(row, 'version');
  const known = Math.max(0, ...migrations.map((migration) => migration.version));
  if (current > known) throw new SchemaTooNewError(current, known);

  const record = connection.prepare(
    'INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)',
  );
  const missing = migrations.filter((migration) => migration.version > current);
  for (const migration of missing) {
    connection.execute(migration.sql);
    record.run(migration.version, migration.name, clock.now());
  }
  return missing.map((migration) => migration.version);
}
