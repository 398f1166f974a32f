import { type DatabaseLook, isTrue, oneRow, textOf } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** What the user may do to the schema and to what is in it. */
export async function checkPrivileges(look: DatabaseLook): Promise<readonly Finding[]> {
  const { probe, plan } = look;
  const row = await oneRow(
    probe,
    `SELECT current_user AS name, current_database() AS database,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS is_there,
       has_database_privilege(current_database(), 'CREATE') AS creates_schema,
       (SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1) AS uses,
       (SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1) AS creates`,
    [plan.schema],
  );
  const user = textOf(row, 'name');
  const schema = `"${plan.schema}"`;
  if (!isTrue(row, 'is_there')) {
    const check = 'privileges_schema';
    if (isTrue(row, 'creates_schema'))
      return [ok(check, `${user} may create the schema ${schema}`)];
    return [
      fail(
        check,
        `there is no schema ${schema}, and ${user} may not create it`,
        `as an owner of the database: CREATE SCHEMA ${schema} AUTHORIZATION "${user}" (or run \`ezthrottle migrate\` as a role that may)`,
      ),
    ];
  }
  if (!isTrue(row, 'uses')) {
    return [
      fail(
        'privileges_schema',
        `${user} may not use the schema ${schema}`,
        `GRANT USAGE ON SCHEMA ${schema} TO "${user}"`,
      ),
    ];
  }
  return [
    ok('privileges_schema', `${user} may use the schema ${schema}`),
    creatingFinding(user, schema, plan.migrate, isTrue(row, 'creates')),
    await rowsFinding(look, user, schema),
    ...(plan.migrate ? await ownerFindings(look, user) : []),
  ];
}

function creatingFinding(
  user: string,
  schema: string,
  migrates: boolean,
  creates: boolean,
): Finding {
  const check = 'privileges_migrate';
  if (!migrates) return ok(check, '`start` changes no tables (--no-migrate)');
  if (creates) return ok(check, `${user} may create tables in ${schema}`);
  return warn(
    check,
    `${user} may not create tables in ${schema}: \`start\` cannot apply what a new version needs`,
    `GRANT CREATE ON SCHEMA ${schema} TO "${user}", or run \`ezthrottle migrate\` as the owner and start with --no-migrate`,
  );
}

/** What may not be read or written, by kind. */
async function rowsFinding(
  { probe, plan }: DatabaseLook,
  user: string,
  schema: string,
): Promise<Finding> {
  const rows = await probe.query(
    `SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE nspname = $1 AND (
       (relkind IN ('r', 'p') AND NOT (
          has_table_privilege(pg_class.oid, 'SELECT') AND has_table_privilege(pg_class.oid, 'INSERT')
          AND has_table_privilege(pg_class.oid, 'UPDATE') AND has_table_privilege(pg_class.oid, 'DELETE')))
       OR (relkind = 'S' AND NOT has_sequence_privilege(pg_class.oid, 'USAGE')))
     ORDER BY relname`,
    [plan.schema],
  );
  const check = 'privileges_tables';
  const names = rows.map((row) => textOf(row, 'name'));
  if (names.length === 0) return ok(check, `${user} may read and write every table of ${schema}`);
  return fail(
    check,
    `${user} may not read and write all of: ${names.join(', ')}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO "${user}"; GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO "${user}"; the same by ALTER DEFAULT PRIVILEGES for what comes later`,
  );
}

/** A migration changes tables, which only their owner may. */
async function ownerFindings(
  { probe, plan }: DatabaseLook,
  user: string,
): Promise<readonly Finding[]> {
  const rows = await probe.query(
    `SELECT DISTINCT pg_get_userbyid(relowner) AS owner
     FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE nspname = $1 AND relkind IN ('r', 'p') AND NOT pg_has_role(relowner, 'USAGE')`,
    [plan.schema],
  );
  return rows.map((row) =>
    warn(
      'privileges_owner',
      `tables belong to ${textOf(row, 'owner')}, so that ${user} cannot change them in a migration`,
      'run `ezthrottle migrate` as that role and start with --no-migrate, or GRANT it to this user',
    ),
  );
}
