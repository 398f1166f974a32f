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

const GONE = { organization: 'int4', origin: 'text' } as const;

// In the same order, for the same reason.
const FORGET = `DELETE FROM {pace} WHERE destination IN (
  SELECT pace.destination FROM ${unnested('gone', GONE)}
  JOIN {destinations} AS known
    ON known.organization = gone.organization AND known.origin = gone.origin
  JOIN {pace} AS pace ON pace.destination = known.id
  ORDER BY pace.destination FOR UPDATE OF pace)`;

/** What destinations have taught. */
export async function putPace(
  scope: WriteScope,
  { rows, forgotten = [] }: PutPaceOperation,
): Promise<void> {
  const { transaction, interned } = scope;
  if (forgotten.length > 0) await forget(scope, forgotten);
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

async function forget(
  { transaction, interned }: WriteScope,
  places: NonNullable<PutPaceOperation['forgotten']>,
): Promise<void> {
  const columns = new Columns(GONE);
  for (const { organization, origin } of places) {
    columns.add({ organization: await interned.organization(organization), origin });
  }
  await transaction.run(FORGET, columns.values());
}
