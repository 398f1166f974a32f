import { type PutPaceOperation, slotOf } from '@ezthrottle/engine';
import { Columns, unnested } from './columns.ts';
import { together } from './together.ts';
import type { WriteScope } from './write-scope.ts';

const LEARNED = { organization: 'int4', slot: 'int2', origin: 'text', data: 'text' } as const;

const FROM_LEARNED = `FROM ${unnested('learned', LEARNED)}`;

// Those that are known are left out before: a conflict would use up a number each time.
const PUT_DESTINATIONS = `INSERT INTO {destinations} (organization, slot, origin)
  SELECT organization, slot, origin ${FROM_LEARNED}
  WHERE NOT EXISTS (
    SELECT 1 FROM {destinations} AS known
    WHERE known.organization = learned.organization AND known.origin = learned.origin)
  ORDER BY organization, origin
  ON CONFLICT DO NOTHING`;

// In one order everywhere, so that nodes that write the same rows wait for each other in turn.
const PUT_PACE = `INSERT INTO {pace} (destination, slot, data)
  SELECT known.id, known.slot, learned.data ${FROM_LEARNED}
  JOIN {destinations} AS known
    ON known.organization = learned.organization AND known.origin = learned.origin
  ORDER BY known.id
  ON CONFLICT (destination) DO UPDATE SET data = excluded.data`;

/** What destinations have taught. */
export async function putPace(
  { transaction, interned }: WriteScope,
  { rows }: PutPaceOperation,
): Promise<void> {
  const latest = new Map(rows.map((row) => [`${row.organization} ${row.origin}`, row]));
  const columns = new Columns(LEARNED);
  for (const { organization, origin, data } of latest.values()) {
    const owner = await interned.organization(organization);
    columns.add({ organization: owner, slot: slotOf(organization, origin), origin, data });
  }
  if (columns.length === 0) return;
  const values = columns.values();
  await together([transaction.run(PUT_DESTINATIONS, values), transaction.run(PUT_PACE, values)]);
}
