import { type DatabaseLook, isTrue, numberOf, oneRow, textOf } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

const MUCH_LOG_BYTES = 1024 ** 3;
const FAR_TOO_MUCH_LOG_BYTES = 16 * 1024 ** 3;

/** What keeps the server from clearing away what is dead: rows in tables, and its log. */
export async function checkHeldBack(look: DatabaseLook): Promise<readonly Finding[]> {
  return [
    await transactionsFinding(look),
    await preparedFinding(look),
    ...(await replicationFindings(look)),
  ];
}

/** A transaction that sees old rows keeps them all, also those that are written and deleted meanwhile. */
async function transactionsFinding({ probe, longTransactionMs }: DatabaseLook): Promise<Finding> {
  const check = 'long_transactions';
  const rows = await probe.query(
    `SELECT pid, coalesce(usename, '') AS name, coalesce(application_name, '') AS application,
       extract(epoch FROM clock_timestamp() - xact_start)::bigint AS seconds, state
     FROM pg_stat_activity
     WHERE xact_start < clock_timestamp() - make_interval(secs => $1::float / 1000) AND pid <> pg_backend_pid()
       AND backend_type IN ('client backend', 'walsender')
     ORDER BY xact_start LIMIT 5`,
    [longTransactionMs],
  );
  if (rows.length > 0) {
    const named = rows.map(
      (row) =>
        `process ${textOf(row, 'pid')} of ${textOf(row, 'name')} (${textOf(row, 'application') || 'unnamed'}, ${textOf(row, 'state')}) for ${textOf(row, 'seconds')} s`,
    );
    return warn(
      check,
      `transactions are open for long, and no dead row is cleared away meanwhile: ${named.join('; ')}`,
      'end them: SELECT pg_terminate_backend(<process>); set idle_in_transaction_session_timeout for those who forget theirs',
    );
  }
  const row = await oneRow(
    probe,
    `SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all, count(*) AS count
     FROM pg_stat_activity WHERE usename <> current_user`,
  );
  if (isTrue(row, 'sees_all') || numberOf(row, 'count') === 0) {
    return ok(check, `no transaction is open for more than ${longTransactionMs / 1_000} s`);
  }
  return ok(
    check,
    `no transaction of this user is open for more than ${longTransactionMs / 1_000} s; those of others are shown to who has GRANT pg_monitor`,
  );
}

async function preparedFinding({ probe, longTransactionMs }: DatabaseLook): Promise<Finding> {
  const check = 'prepared_transactions';
  const rows = await probe.query(
    `SELECT gid FROM pg_prepared_xacts
     WHERE prepared < clock_timestamp() - make_interval(secs => $1::float / 1000) ORDER BY prepared LIMIT 5`,
    [longTransactionMs],
  );
  if (rows.length === 0) return ok(check, 'no prepared transaction waits for its end');
  return warn(
    check,
    `prepared transactions wait for their end, and hold back dead rows: ${rows.map((row) => textOf(row, 'gid')).join(', ')}`,
    "COMMIT PREPARED '…' or ROLLBACK PREPARED '…' each of them",
  );
}

/** A slot keeps the log for a reader, also for one that never comes back. */
async function replicationFindings({ probe }: DatabaseLook): Promise<readonly Finding[]> {
  const check = 'replication_slots';
  const rows = await probe.query(
    `SELECT slot_name, active,
       pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint AS bytes
     FROM pg_replication_slots
     WHERE pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > $1 OR (NOT active AND
       (restart_lsn IS NOT NULL OR xmin IS NOT NULL OR catalog_xmin IS NOT NULL))
     ORDER BY 3 DESC LIMIT 5`,
    [MUCH_LOG_BYTES],
  );
  if (rows.length === 0) return [ok(check, 'no replication slot holds back the log')];
  return rows.map((row) => {
    const name = textOf(row, 'slot_name');
    const bytes = numberOf(row, 'bytes');
    const reader = isTrue(row, 'active') ? 'is slow' : 'is not connected';
    const message = `the replication slot ${name} keeps ${Math.ceil(bytes / 1024 ** 2)} MiB of the log, and its reader ${reader}`;
    const fix = `let its reader catch up, or SELECT pg_drop_replication_slot('${name}') when nobody needs it; bound it with max_slot_wal_keep_size`;
    return bytes > FAR_TOO_MUCH_LOG_BYTES ? fail(check, message, fix) : warn(check, message, fix);
  });
}
