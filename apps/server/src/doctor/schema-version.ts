import { type DatabaseLook, hasTable, numberOf, oneRow } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** Whether the tables are those that this version knows. */
export async function checkSchemaVersion(look: DatabaseLook): Promise<readonly Finding[]> {
  const { probe, plan, migrations } = look;
  const check = 'migrations';
  const known = Math.max(0, ...migrations.map(({ version }) => version));
  const row = (await hasTable(look, 'schema_migrations'))
    ? await oneRow(
        probe,
        `SELECT coalesce(max(version), 0) AS version, coalesce(max(oldest_server), 0) AS oldest
         FROM "${plan.schema}".schema_migrations`,
      )
    : {};
  const current = numberOf(row, 'version');
  if (numberOf(row, 'oldest') > known) {
    return [
      fail(
        check,
        `the schema has version ${current}, and this server knows ${known}, which is too old for it`,
        'start the newer server, or restore a copy made before the upgrade',
      ),
    ];
  }
  if (current > known) {
    return [
      warn(
        check,
        `the schema has version ${current}, this server knows ${known}: a newer one has been here, and lets this one go on`,
        'finish the upgrade when all nodes can be renewed',
      ),
    ];
  }
  const missing = migrations.filter(({ version }) => version > current);
  if (missing.length === 0) return [ok(check, `the schema has version ${current}, as it should`)];
  const names = missing.map(({ version, name }) => `${version} ${name}`).join(', ');
  if (plan.migrate) {
    return [ok(check, `the schema has version ${current}; \`start\` will apply ${names}`)];
  }
  return [
    fail(
      check,
      `migrations are missing, and \`start\` is told to apply none: ${names}`,
      'run `ezthrottle migrate` as a role that may create tables',
    ),
  ];
}
