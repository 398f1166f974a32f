import type { SlotOwner } from '@ezthrottle/engine';
import type { Division, ShareRow, ShareRows, ShareView } from '../../cluster/shares/share-rows.ts';
import { integer, type Row, text } from '../rows/row.ts';
import type { Connection, Database } from './database.ts';

/** Milliseconds since the epoch, by the clock of the database, at the moment at which it is read. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** As long as the node has this epoch: nobody can fence it meanwhile. */
const OWN = 'own AS (SELECT 1 FROM {fences} WHERE node = $1 AND epoch = $2 FOR SHARE)';

/** All rows as one text, so that numbers stay what they were to the last bit. */
const rowsWhere = (condition: string): string => `
  SELECT ${NOW} AS database_now, coalesce(json_agg(json_build_object(
    'key', one.key, 'slot', one.slot, 'home', json_build_object('node', one.node, 'epoch', one.epoch),
    'demand', one.demand,
    'usage', json_build_object('demand', one.demand, 'accounts', one.accounts, 'waiting', one.waiting,
      'inFlight', one.in_flight, 'ratePerSecond', one.rate),
    'granted', json_build_object('ratePerSecond', one.granted_rate, 'burst', one.granted_burst,
      'concurrency', one.granted_slots),
    'confirmed', json_build_object('ratePerSecond', one.confirmed_rate, 'burst', one.confirmed_burst,
      'concurrency', one.confirmed_slots),
    'grant', one.grant_number, 'isFresh', one.is_fresh, 'turnAt', one.turn_at, 'seenAt', one.seen_at,
    'isCurrent', own.node IS NOT NULL)), '[]')::text AS rows
  FROM {allotments} AS one
  LEFT JOIN {fences} AS own ON own.node = one.node AND own.epoch = one.epoch
  WHERE ${condition}`;

const READ = rowsWhere(
  '(one.node = $1 AND one.epoch = $2) OR one.slot = ANY (ARRAY(SELECT json_array_elements_text($3::json)::smallint))',
);
const OF_KEYS = rowsWhere(
  'own.node IS NOT NULL AND one.key = ANY (ARRAY(SELECT json_array_elements_text($1::json)))',
);
const OF_KEY = rowsWhere('one.key = $1');

/** Shares of limits in PostgreSQL. */
export function createShareRows(database: Database): ShareRows {
  return {
    async read({ node, epoch }, slots) {
      return viewOf(await database.query(READ, [node, epoch, JSON.stringify(slots)]));
    },
    async of(keys) {
      return viewOf(await database.query(OF_KEYS, [JSON.stringify(keys)])).rows;
    },
    async report({ node, epoch }, reports) {
      const said = reports.map(({ key, slot, usage }) => ({ key, slot, ...usage }));
      await database.run(
        `WITH ${OWN}
         INSERT INTO {allotments} AS one (key, node, epoch, slot, demand, waiting, in_flight, rate,
           accounts, seen_at)
         SELECT said.key, $1, $2, said.slot, said.demand, said.waiting, said."inFlight",
           said."ratePerSecond", coalesce(said.accounts, 0), ${NOW}
         FROM json_to_recordset($3::json) AS said (key text, slot smallint, demand float8,
           waiting bigint, "inFlight" bigint, "ratePerSecond" float8, accounts bigint)
         WHERE EXISTS (SELECT FROM own)
         ON CONFLICT (key, node, epoch) DO UPDATE SET demand = excluded.demand,
           waiting = excluded.waiting, in_flight = excluded.in_flight, rate = excluded.rate,
           accounts = excluded.accounts, seen_at = excluded.seen_at`,
        [node, epoch, JSON.stringify(said)],
      );
    },
    async confirm({ node, epoch }, confirmations) {
      const said = confirmations.map(({ key, grant, share }) => ({ key, number: grant, ...share }));
      const rows = await database.query(
        `WITH ${OWN}
         UPDATE {allotments} AS one SET confirmed_rate = said."ratePerSecond",
           confirmed_burst = said.burst, confirmed_slots = said.concurrency
         FROM json_to_recordset($3::json) AS said (key text, number bigint, "ratePerSecond" float8,
           burst float8, concurrency bigint)
         WHERE one.key = said.key AND one.node = $1 AND one.epoch = $2
           AND one.grant_number = said.number AND EXISTS (SELECT FROM own)
         RETURNING one.key`,
        [node, epoch, JSON.stringify(said)],
      );
      return new Set(rows.map((row) => text(row, 'key')));
    },
    async giveUp({ node, epoch }, keys) {
      await database.run(
        `DELETE FROM {allotments} WHERE node = $1 AND epoch = $2
           AND key = ANY (ARRAY(SELECT json_array_elements_text($3::json)))`,
        [node, epoch, JSON.stringify(keys)],
      );
    },
    divide: (owner, limit, plan) =>
      database.repeatUnprepared(() =>
        database.inTransaction((on) => divide(on, owner, limit, plan)),
      ),
  };
}

async function divide(
  connection: Connection,
  { node, epoch }: SlotOwner,
  { key, slot }: Pick<ShareRow, 'key' | 'slot'>,
  plan: (view: ShareView) => Division,
): Promise<boolean> {
  // Whoever stands still in the middle of something holds up nobody: it is tried again in the next round.
  await connection.command("SET LOCAL lock_timeout = '250ms'");
  const [turn] = await connection.query(
    "SELECT pg_try_advisory_xact_lock(hashtext($1 || ' shares'), hashtext($2)) AS is_ours",
    [connection.schema, key],
  );
  if (turn?.['is_ours'] !== true) return false;
  const own = await connection.query(
    'SELECT 1 FROM {fences} WHERE node = $1 AND epoch = $2 FOR SHARE',
    [node, epoch],
  );
  if (own.length === 0) return false;
  // Whoever has the slot after this node finds everything that it has granted: it is given up before or after.
  const held = await connection.query(
    'SELECT 1 FROM {slots} WHERE slot = $1 AND owner = $2 AND epoch = $3 FOR SHARE',
    [slot, node, epoch],
  );
  if (held.length === 0) return false;
  // Read by a statement of its own: all that others have divided is there now that the lock is held.
  const { grants, isFresh, gone } = plan(viewOf(await connection.query(OF_KEY, [key])));
  const [written] = await Promise.all([
    connection.run(
      `UPDATE {allotments} AS one SET granted_rate = said."ratePerSecond", granted_burst = said.burst,
         granted_slots = said.concurrency, grant_number = said.number, turn_at = said."turnAt",
         is_fresh = $2
       FROM json_to_recordset($3::json) AS said (node uuid, epoch bigint, number bigint, "turnAt" bigint,
         "ratePerSecond" float8, burst float8, concurrency bigint)
       WHERE one.key = $1 AND one.node = said.node AND one.epoch = said.epoch`,
      [
        key,
        isFresh,
        JSON.stringify(
          grants.map(({ home, share, grant, turnAt }) => ({
            ...home,
            ...share,
            number: grant,
            turnAt,
          })),
        ),
      ],
    ),
    connection.run(
      `DELETE FROM {allotments} AS one
       USING json_to_recordset($2::json) AS said (node uuid, epoch bigint)
       WHERE one.key = $1 AND one.node = said.node AND one.epoch = said.epoch`,
      [key, JSON.stringify(gone)],
    ),
  ]);
  return written > 0;
}

function viewOf([row = {}]: readonly Row[]): ShareView {
  const rows: readonly ShareRow[] = JSON.parse(text(row, 'rows'));
  return { databaseNow: integer(row, 'database_now'), rows };
}
