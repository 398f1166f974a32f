import { type DatabaseLook, isTrue, numberOf, oneRow, textOf } from './database-look.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

/** The stores' suite has passed on it. */
const OLDEST = 14;
/** Statements that wait for a lock or for a slow disk take a while. */
const SHORTEST_TIMEOUT_MS = 30_000;

/** Which PostgreSQL it is, and whether it is one that keeps what it has committed. */
export async function checkServer({ probe }: DatabaseLook): Promise<readonly Finding[]> {
  const row = await oneRow(
    probe,
    `SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int / 10000 AS major,
       current_setting('server_encoding') AS encoding,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       pg_is_in_recovery() AS is_replica,
       current_setting('default_transaction_read_only') = 'on' AS is_read_only,
       (SELECT setting FROM pg_settings WHERE name = 'statement_timeout') AS statement_timeout`,
  );
  return [
    versionFinding(textOf(row, 'version'), numberOf(row, 'major')),
    encodingFinding(textOf(row, 'encoding')),
    writableFinding(isTrue(row, 'is_replica'), isTrue(row, 'is_read_only')),
    ...durabilityFindings(row),
    timeoutFinding(numberOf(row, 'statement_timeout')),
  ];
}

function versionFinding(version: string, major: number): Finding {
  const check = 'server_version';
  return major >= OLDEST
    ? ok(check, `PostgreSQL ${version}`)
    : fail(check, `PostgreSQL ${version} is too old`, `upgrade to ${OLDEST} or later`);
}

function encodingFinding(encoding: string): Finding {
  const check = 'encoding';
  return encoding === 'UTF8'
    ? ok(check, 'the database is in UTF8')
    : fail(
        check,
        `the database is in ${encoding}: most text could not be stored`,
        "make another one: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
      );
}

function writableFinding(isReplica: boolean, isReadOnly: boolean): Finding {
  const check = 'writable';
  if (isReplica) {
    return fail(
      check,
      'this is a replica, which takes no writes',
      'name the primary (target_session_attrs=read-write with several hosts)',
    );
  }
  return isReadOnly
    ? fail(
        check,
        'transactions are read-only by default',
        'ALTER ROLE … (or DATABASE …) SET default_transaction_read_only = off',
      )
    : ok(check, 'the server takes writes');
}

function durabilityFindings(row: Readonly<Record<string, string | null>>): readonly Finding[] {
  const restart = 'in postgresql.conf, then reload it (SELECT pg_reload_conf())';
  const synchronous = textOf(row, 'synchronous_commit');
  return [
    textOf(row, 'fsync') === 'on'
      ? ok('fsync', 'what is committed is flushed to the disk')
      : fail(
          'fsync',
          'fsync is off: a power cut can lose accepted jobs, or the whole database',
          `set fsync = on ${restart}`,
        ),
    textOf(row, 'full_page_writes') === 'on'
      ? ok('full_page_writes', 'pages that a power cut tears are made whole again')
      : fail(
          'full_page_writes',
          'full_page_writes is off: a power cut can leave torn pages behind',
          `set full_page_writes = on ${restart}, unless the file system writes pages whole (ZFS)`,
        ),
    synchronous === 'off'
      ? warn(
          'synchronous_commit',
          'synchronous_commit is off here; the server turns it on for its own writes, other programs lose theirs',
          `set synchronous_commit = on ${restart}`,
        )
      : ok('synchronous_commit', `commits are answered when they are safe (${synchronous})`),
  ];
}

function timeoutFinding(timeoutMs: number): Finding {
  const check = 'statement_timeout';
  return timeoutMs === 0 || timeoutMs >= SHORTEST_TIMEOUT_MS
    ? ok(
        check,
        timeoutMs === 0 ? 'statements have no time limit' : `statements may take ${timeoutMs} ms`,
      )
    : warn(
        check,
        `statements are cut off after ${timeoutMs} ms; pruning and migrations may take longer`,
        `ALTER ROLE … SET statement_timeout = '60s', or 0`,
      );
}
