import { SEALING_KEY_COLUMNS } from '../store/archive/archive-tables.ts';
import type { Migration } from '../store/migration.ts';
import { integer, text } from '../store/rows/row.ts';
import { type Connection, openForReading } from '../store/sqlite/connection.ts';
import { fail, type Finding, ok } from './finding.ts';
import { masterKeyFinding } from './master-keys.ts';

/** Looks into the database file of one machine. */
export function checkFile(
  file: string,
  { keyIds, migrations }: { keyIds: readonly string[] | null; migrations: readonly Migration[] },
): readonly Finding[] {
  let connection: Connection | null = null;
  try {
    connection = openForReading(file);
    const findings = [integrityFinding(connection)];
    if (!hasTable(connection, 'schema_migrations')) return findings;
    return [
      ...findings,
      versionFinding(connection, migrations),
      masterKeyFinding(storedKeyIds(connection), keyIds),
    ];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [damageFinding(reason)];
  } finally {
    connection?.close();
  }
}

function integrityFinding(connection: Connection): Finding {
  const problems = connection
    .prepare('PRAGMA quick_check(5)')
    .all()
    .map((row) => text(row, 'quick_check'))
    .filter((line) => line !== 'ok');
  return problems.length === 0
    ? ok('integrity', 'the database file is whole')
    : damageFinding(problems.join('; '));
}

function damageFinding(reason: string): Finding {
  return fail(
    'integrity',
    `the database file is damaged, or is no database: ${reason}`,
    'stop the server and restore the latest copy; sqlite3 ezthrottle.db .recover saves what can still be read',
  );
}

function versionFinding(connection: Connection, migrations: readonly Migration[]): Finding {
  const check = 'migrations';
  const row = connection
    .prepare('SELECT coalesce(max(version), 0) AS version FROM schema_migrations')
    .get();
  const current = row === undefined ? 0 : integer(row, 'version');
  const known = Math.max(0, ...migrations.map(({ version }) => version));
  if (current > known) {
    return fail(
      check,
      `the file has schema version ${current}, this server knows versions up to ${known}`,
      'start the newer server, or restore a copy made before the upgrade',
    );
  }
  return ok(
    check,
    current === known
      ? `the file has schema version ${current}, as it should`
      : `the file has schema version ${current}; \`start\` brings it to ${known}`,
  );
}

function storedKeyIds(connection: Connection): readonly string[] {
  const found = new Set<string>();
  for (const [table, column] of SEALING_KEY_COLUMNS) {
    if (!hasTable(connection, table)) continue;
    const rows = connection
      .prepare(`SELECT DISTINCT ${column} AS id FROM ${table} WHERE ${column} IS NOT NULL`)
      .all();
    for (const row of rows) found.add(text(row, 'id'));
  }
  return [...found];
}

function hasTable(connection: Connection, table: string): boolean {
  const found = connection
    .prepare("SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = ?")
    .get(table);
  return found !== undefined;
}
