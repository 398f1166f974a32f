import type { SlotOwner } from '@ezthrottle/engine';
import type { DividedKey, DividedKeyRows } from '../../cluster/division/divided-keys.ts';
import { text } from '../rows/row.ts';
import type { Database } from './database.ts';

/** Keys that are divided at the same time, at most: of more, the rest stays with one node. */
const MOST_KEYS = 10_000;

/** Milliseconds since the epoch, by the clock of the database. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

const OWN = 'own AS (SELECT 1 FROM {fences} WHERE node = $1 AND epoch = $2 FOR SHARE)';

/** Only the owner of a key's slot changes how it is divided. */
const HOLDS = `EXISTS (SELECT FROM own) AND EXISTS (
  SELECT FROM {slots} WHERE slot = $4 AND owner = $1 AND epoch = $2)`;

const READ = `SELECT coalesce(json_agg(json_build_object('key', key, 'slot', slot, 'parts', parts,
    'version', version, 'ratePerSecond', rate, 'concurrency', concurrency,
    'pauseMs', greatest(0, paused_until - ${NOW}))), '[]')::text AS keys
  FROM (SELECT * FROM {divided_keys} ORDER BY key LIMIT ${MOST_KEYS}) AS known`;

/** Divided destinations in PostgreSQL. */
export function createDividedKeyRows(
  database: Database,
  { node, epoch }: SlotOwner,
): DividedKeyRows {
  return {
    async read() {
      const [row = {}] = await database.query(READ, []);
      const keys: readonly DividedKey[] = JSON.parse(text(row, 'keys'));
      return keys;
    },
    async divide({ key, slot, parts, version, ratePerSecond, concurrency }) {
      const written = await database.run(
        `WITH ${OWN}
         INSERT INTO {divided_keys} AS known (key, slot, parts, rate, concurrency)
         SELECT $3, $4::smallint, $5::smallint, $7::float8, $8::bigint WHERE ${HOLDS}
         ON CONFLICT (key) DO UPDATE SET parts = excluded.parts, rate = excluded.rate,
           concurrency = excluded.concurrency, version = known.version + 1
         WHERE known.version = $6::bigint`,
        [node, epoch, key, slot, parts, version, ratePerSecond, concurrency],
      );
      return written > 0;
    },
    async pause(key, slot, forMs) {
      await database.run(
        `WITH ${OWN}
         INSERT INTO {divided_keys} AS known (key, slot, parts, paused_until)
         SELECT $3, $4::smallint, 1, ${NOW} + $5::bigint WHERE EXISTS (SELECT FROM own)
         ON CONFLICT (key) DO UPDATE SET paused_until = excluded.paused_until
         WHERE known.paused_until < excluded.paused_until`,
        [node, epoch, key, slot, forMs],
      );
    },
    async forget({ key, slot, version }) {
      await database.run(
        `WITH ${OWN}
         DELETE FROM {divided_keys} WHERE key = $3 AND version = $5::bigint AND parts = 1 AND ${HOLDS}`,
        [node, epoch, key, slot, version],
      );
    },
  };
}
