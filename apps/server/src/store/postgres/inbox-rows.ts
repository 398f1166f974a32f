import type { Clock } from '@ezthrottle/engine';
import type { InboxOutcome, InboxRow, InboxRows } from '../../inbox/inbox-rows.ts';
import { identifier, integer, type Row, text } from '../rows/row.ts';
import { listOf } from './columns.ts';
import type { Connection, Database } from './database.ts';
import { forgetInboxOfAccount } from './inbox-of-account.ts';

const NOW_MS = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

// However few rows the statistics believe in, they are read in the order of the index: a backlog is not to be
// sorted at every look. That a row is gone may be lost with the power: its job is found to be there already. Whoever holds the
// rows for long has lost its database, or is about to end.
export const BEGIN_LOOK: string = [
  'BEGIN',
  'SET LOCAL synchronous_commit = off',
  'SET LOCAL enable_seqscan = off',
  'SET LOCAL enable_bitmapscan = off',
  'SET LOCAL enable_sort = off',
  "SET LOCAL idle_in_transaction_session_timeout = '60s'",
].join('; ');

/** Rows that are written this much later than they are due, in milliseconds, are found by the next whole look. */
const LATE_MS = 30_000;
const WHOLE_EVERY_MS = 5_000;

/** @param from Before it nothing is looked for: there stand rows that are gone, and nobody has tidied up yet. */
export const dueRows = (
  limit: number,
  from: number,
): string => `SELECT row, id, job, postponed, due_at,
    (SELECT public_id FROM {organizations} AS known WHERE known.id = inbox.organization) AS organization,
    (SELECT public_id FROM {api_keys} AS known WHERE known.id = inbox.api_key) AS api_key
  FROM {inbox} AS inbox WHERE due_at <= ${NOW_MS} AND due_at >= ${Math.trunc(from)}
  ORDER BY due_at, row LIMIT ${Math.trunc(limit)} FOR UPDATE OF inbox SKIP LOCKED`;

const REFUSE = `INSERT INTO {inbox_refusals} (id, organization, api_key, code, message, problems, job,
    duplicate_of, created_at, refused_at)
  SELECT id, organization, api_key, $2, $3, $4, CASE WHEN $5::uuid IS NULL THEN job END, $5::uuid,
    created_at, ${NOW_MS}
  FROM {inbox} WHERE row = $1 ON CONFLICT (id) DO NOTHING`;

const POSTPONE = `UPDATE {inbox} SET due_at = ${NOW_MS} + $2::bigint, postponed = postponed + 1
  WHERE row = ANY($1)`;

const REMOVE = 'DELETE FROM {inbox} WHERE row = ANY($1)';

const PRUNE = `DELETE FROM {inbox_refusals} WHERE id IN (
    SELECT id FROM {inbox_refusals} WHERE refused_at < $1 ORDER BY refused_at LIMIT $2
  )`;

export function createInboxRows(database: Database, clock: Pick<Clock, 'monotonic'>): InboxRows {
  let from = 0;
  let wholeAt = Number.NEGATIVE_INFINITY;
  return {
    async take(limit, settle) {
      const isWhole = clock.monotonic() >= wholeAt + WHOLE_EVERY_MS;
      if (isWhole) wholeAt = clock.monotonic();
      return await database.inTransaction(async (connection) => {
        const answers = await connection.script(
          `SELECT ${NOW_MS} AS now; ${dueRows(limit, isWhole ? 0 : from)}`,
        );
        const [now = {}] = answers.at(-2) ?? [];
        const found = answers.at(-1) ?? [];
        const [oldest] = found;
        const oldestAt = oldest === undefined ? integer(now, 'now') : integer(oldest, 'due_at');
        from = oldestAt - LATE_MS;
        const rows = found.map(inboxRow);
        if (rows.length > 0) await write(connection, rows, await settle(rows));
        return rows.length;
      }, BEGIN_LOOK);
    },
    forgetAccount: (organization, userId) => forgetInboxOfAccount(database, organization, userId),
    prune: (before, limit) => database.run(PRUNE, [before, limit]),
  };
}

async function write(
  connection: Connection,
  rows: readonly InboxRow[],
  outcomes: readonly InboxOutcome[],
): Promise<void> {
  const gone: number[] = [];
  const postponed = new Map<number, number[]>();
  for (const [index, { row }] of rows.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) continue;
    if (outcome.type === 'postponed') {
      postponed.set(outcome.forMs, [...(postponed.get(outcome.forMs) ?? []), row]);
      continue;
    }
    gone.push(row);
    if (outcome.type !== 'taken') await connection.run(REFUSE, [row, ...refusal(outcome)]);
  }
  for (const [forMs, of] of postponed) await connection.run(POSTPONE, [listOf('int8', of), forMs]);
  if (gone.length > 0) await connection.run(REMOVE, [listOf('int8', gone)]);
}

type Refusal = Exclude<InboxOutcome, { readonly type: 'taken' | 'postponed' }>;

/** Code, message, problems, duplicate_of. */
function refusal(outcome: Refusal): readonly [string, string, string, string | null] {
  if (outcome.type === 'duplicate') {
    return ['duplicate', 'another job has its idempotency key', '[]', outcome.of];
  }
  const { code, message, problems } = outcome;
  // The one character that text cannot hold. JSON writes it as an escape.
  return [code, message.replaceAll('\u0000', '\uFFFD'), JSON.stringify(problems), null];
}

function inboxRow(row: Row): InboxRow {
  return {
    row: integer(row, 'row'),
    id: identifier(row, 'id'),
    organization: identifier(row, 'organization'),
    apiKey: identifier(row, 'api_key'),
    job: text(row, 'job'),
    postponed: integer(row, 'postponed'),
  };
}
