import { type DatabaseLook, numberOf, oneRow, textOf } from './database-look.ts';
import { type Finding, ok, warn } from './finding.ts';

/** Fewer are no trouble, whatever part of a table they are. */
const MANY = 50_000;

/** Whether the server clears away the dead rows that our tables leave behind all the time. */
export async function checkDeadRows(look: DatabaseLook): Promise<readonly Finding[]> {
  return [await autovacuumFinding(look), ...(await tableFindings(look))];
}

async function autovacuumFinding({ probe }: DatabaseLook): Promise<Finding> {
  const check = 'autovacuum';
  const row = await oneRow(
    probe,
    `SELECT current_setting('autovacuum') AS autovacuum, current_setting('track_counts') AS counts`,
  );
  const off = [
    ...(textOf(row, 'autovacuum') === 'on' ? [] : ['autovacuum']),
    ...(textOf(row, 'counts') === 'on' ? [] : ['track_counts']),
  ];
  if (off.length === 0) return ok(check, 'dead rows are cleared away');
  return warn(
    check,
    `${off.join(' and ')} is off: nothing clears dead rows away, and every look for work gets slower`,
    `set ${off.map((name) => `${name} = on`).join(' and ')} in postgresql.conf, then reload it`,
  );
}

async function tableFindings({ probe, plan }: DatabaseLook): Promise<readonly Finding[]> {
  const exempt = await probe.query(
    `SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE nspname = $1 AND relkind = 'r'
       AND reloptions && ARRAY['autovacuum_enabled=false', 'autovacuum_enabled=off',
         'autovacuum_enabled=0', 'autovacuum_enabled=no']
     ORDER BY relname`,
    [plan.schema],
  );
  const dead = await probe.query(
    `SELECT relname AS name, n_dead_tup AS dead, n_live_tup AS live,
       coalesce(to_char(greatest(last_autovacuum, last_vacuum), 'YYYY-MM-DD HH24:MI'), 'never') AS cleared
     FROM pg_stat_user_tables
     WHERE schemaname = $1 AND n_dead_tup > $2 AND n_dead_tup > n_live_tup / 2
     ORDER BY n_dead_tup DESC LIMIT 5`,
    [plan.schema, MANY],
  );
  const findings = [
    ...exempt.map((row) => {
      const table = `"${plan.schema}"."${textOf(row, 'name')}"`;
      return warn(
        'autovacuum_table',
        `autovacuum is off for ${table}`,
        `ALTER TABLE ${table} RESET (autovacuum_enabled)`,
      );
    }),
    ...dead.map((row) => {
      const table = `"${plan.schema}"."${textOf(row, 'name')}"`;
      return warn(
        'dead_rows',
        `${table} has ${numberOf(row, 'dead')} dead rows beside ${numberOf(row, 'live')} live ones, last cleared ${textOf(row, 'cleared')}`,
        `end what holds them back (long transactions, replication slots), then VACUUM ${table}; raise autovacuum_max_workers or autovacuum_vacuum_cost_limit when it comes again`,
      );
    }),
  ];
  return findings.length > 0 ? findings : [ok('dead_rows', 'no table has many dead rows')];
}
