import type { Id } from '@ezthrottle/engine';
import { text } from '../rows/row.ts';
import type { Database } from './database.ts';

const ROWS_AT_ONCE = 50;

/** Tables that hold jobs as they were submitted, and what names a row of theirs. */
const PLACES = [
  { table: 'inbox', key: 'row', type: 'bigint', first: '0' },
  {
    table: 'inbox_refusals',
    key: 'id',
    type: 'uuid',
    first: '00000000-0000-0000-0000-000000000000',
  },
] as const;

type Place = (typeof PLACES)[number];

/** Removes what a user's jobs have left in the inbox, and those of them that still wait. */
export async function forgetInboxOfAccount(
  database: Database,
  organization: Id,
  userId: string,
): Promise<void> {
  for (const place of PLACES) await forgetIn(place, database, organization, userId);
}

// PostgreSQL reads no member of JSON in which a character stands anywhere that its text cannot hold. So it
// only says which rows may be meant: those with the name in them, or with characters in other words.
async function forgetIn(
  { table, key, type, first }: Place,
  database: Database,
  organization: Id,
  userId: string,
): Promise<void> {
  const select = `SELECT ${key}::text AS key, job FROM {${table}}
    WHERE organization = (SELECT id FROM {organizations} WHERE public_id = $1)
      AND ${key} > $2::${type} AND (position($3 IN job) > 0 OR position($4 IN job) > 0)
    ORDER BY ${key} LIMIT ${ROWS_AT_ONCE}`;
  const name = JSON.stringify(userId);
  for (let after: string | undefined = first; after !== undefined; ) {
    const rows = await database.query(select, [organization, after, name, '\\u']);
    for (const row of rows) {
      if (userIdOf(text(row, 'job')) !== userId) continue;
      await database.run(`DELETE FROM {${table}} WHERE ${key} = $1::${type}`, [text(row, 'key')]);
    }
    const last = rows.at(-1);
    after = rows.length < ROWS_AT_ONCE || last === undefined ? undefined : text(last, 'key');
  }
}

/** Of a name in both spellings, snake_case wins, as it does where jobs are taken in. */
function userIdOf(job: string): unknown {
  const { userId, user_id: named = userId } = JSON.parse(job);
  return named;
}
