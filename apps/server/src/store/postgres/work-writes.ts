import type { StageOperation, Verdict } from '@ezthrottle/engine';
import { integer } from '../rows/row.ts';
import { Columns, unnested } from './columns.ts';
import { isIdentifier } from './interned.ts';
import type { WriteScope } from './write-scope.ts';

const STAGE_SHAPE = { operation: 'int4', public_id: 'uuid', leg: 'int4' } as const;

// is_ready::int: said as the index of delayed work says it, each row could be looked for there from the start.
const STAGE = `WITH staged AS (
    UPDATE {work} SET is_ready = true
    FROM (
      SELECT due.operation, found.place FROM ${unnested('due', STAGE_SHAPE)}
      CROSS JOIN LATERAL (SELECT id FROM {jobs} WHERE public_id = due.public_id LIMIT 1) AS jobs
      CROSS JOIN LATERAL (
        SELECT ctid AS place FROM {work} WHERE job = jobs.id AND leg = due.leg AND is_ready::int = 0 LIMIT 1
      ) AS found
    ) AS due WHERE work.ctid = due.place
    RETURNING due.operation
  ) SELECT operation, count(*) AS staged FROM staged GROUP BY operation`;

/** Delayed work that stands in line from now on; each verdict counts the rows of its operation. */
export async function stageWork(
  { transaction }: WriteScope,
  operations: readonly StageOperation[],
): Promise<readonly Verdict[]> {
  const columns = new Columns(STAGE_SHAPE);
  for (const [operation, { rows }] of operations.entries()) {
    for (const { jobId, leg } of rows) {
      if (isIdentifier(jobId)) columns.add({ operation, public_id: jobId, leg });
    }
  }
  const counts = operations.map(() => 0);
  if (columns.length > 0) {
    for (const row of await transaction.query(STAGE, columns.values())) {
      counts[integer(row, 'operation')] = integer(row, 'staged');
    }
  }
  return counts.map((count) => ({ verdict: 'ok', count }));
}
