import type { Clock } from '@ezthrottle/engine';
import type { Migration } from '../migration.ts';
import { integer } from '../rows/row.ts';
import { SchemaTooNewError } from '../schema-too-new-error.ts';
import type { Connection, Database } from './database.ts';

/** Any number, as long as all servers take the same; the schema's name makes it another for each. */
const LOCK = 0x657a_7468;

/**
 * Brings the schema up to date: every migration once, in order, all in one transaction, while other
 * servers that start wait. Returns the versions that were applied now. A newer schema is fine as long as
 * it says that servers like this one may go on with it, so that old and new ones run side by side.
 *
 * @throws SchemaTooNewError when it says otherwise; nothing is changed then.
 */
export function migrate(
  database: Database,
  migrations: readonly Migration[],
  clock: Pick<Clock, 'now'>,
): Promise<readonly number[]> {
  return database.repeatUnprepared(() => migrateOnce(database, migrations, clock));
}

async function migrateOnce(
  database: Database,
  migrations: readonly Migration[],
  clock: Pick<Clock, 'now'>,
): Promise<readonly number[]> {
  const connection = await database.connect();
  let isBroken = true;
  try {
    await connection.script('BEGIN');
    try {
      const applied = await applyMissing(connection, migrations, clock);
      await connection.script('COMMIT');
      isBroken = false;
      return applied;
    } catch (error) {
      await connection.script('ROLLBACK');
      isBroken = false;
      throw error;
    }
  } finally {
    connection.release(isBroken);
  }
}

async function applyMissing(
  connection: Connection,
  migrations: readonly Migration[],
  clock: Pick<Clock, 'now'>,
): Promise<readonly number[]> {
  const { schema } = connection;
  await connection.script(`SELECT pg_advisory_xact_lock(${LOCK}, hashtext('${schema}'))`);
  await createSchema(connection);
  await connection.script(`SET LOCAL search_path TO "${schema}"`);
  // oldest_server: the version that a server must know at least to go on with this schema.
  await connection.script(
    `CREATE TABLE IF NOT EXISTS {schema_migrations} (
       version integer PRIMARY KEY,
       name text NOT NULL,
       applied_at bigint NOT NULL,
       oldest_server integer NOT NULL DEFAULT 0
     )`,
  );
  const [row = {}] = await connection.query(
    `SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest_server), 0) AS oldest
     FROM {schema_migrations}`,
  );
  const current = integer(row, 'version');
  const known = Math.max(0, ...migrations.map(({ version }) => version));
  if (integer(row, 'oldest') > known) throw new SchemaTooNewError(current, known);

  const missing = migrations.filter(({ version }) => version > current);
  for (const { version, name, sql } of missing) {
    await connection.command(sql);
    await connection.run(
      'INSERT INTO {schema_migrations} (version, name, applied_at) VALUES ($1, $2, $3)',
      [version, name, clock.now()],
    );
  }
  return missing.map(({ version }) => version);
}

/** Who may not create schemas can still use one that somebody else has created. */
async function createSchema(connection: Connection): Promise<void> {
  const found = await connection.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [
    connection.schema,
  ]);
  if (found.length === 0) await connection.script(`CREATE SCHEMA "${connection.schema}"`);
}
