import type {
  EndDeliveryOperation,
  Id,
  SettleDeliveryOperation,
  Verdict,
} from '@ezthrottle/engine';
import { DEAD_REASON_CODES, DELIVERY_STATE_CODES } from '../rows/codes.ts';
import { identifier } from '../rows/row.ts';
import { Columns, listOf, unnested } from './columns.ts';
import { isIdentifier } from './interned.ts';
import { together } from './together.ts';
import { attempted } from './verdicts.ts';
import type { WriteScope } from './write-scope.ts';

const SETTLE_SHAPE = {
  public_id: 'uuid',
  attempt: 'int4',
  state: 'int2',
  status_code: 'int4',
  error: 'bytea',
  started_at: 'int8',
  ended_at: 'int8',
  next_attempt_at: 'int8',
  dead_reason: 'int2',
} as const;

const SETTLE_COLUMNS = `state = settled.state, attempts = settled.attempt,
  status_code = settled.status_code, error = settled.error, started_at = settled.started_at,
  ended_at = settled.ended_at, next_attempt_at = settled.next_attempt_at,
  dead_reason = settled.dead_reason`;

// Compared at the place as well (as in advance-rows.ts), and not as the indexes of what is pending say it: a plan
// may not read one of them for each row instead of going to its place.
const STILL_WAITS = 'deliveries.state <= 0';

// Nearly every delivery is settled by its first attempt: then there is no former one to keep.
const SETTLE_FIRST = `UPDATE {deliveries} SET ${SETTLE_COLUMNS}
  FROM (
    SELECT settled.*, found.place FROM ${unnested('settled', SETTLE_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {deliveries}
      WHERE public_id = settled.public_id AND state = 0 AND attempts = 0 LIMIT 1
    ) AS found
  ) AS settled WHERE deliveries.ctid = settled.place
    AND ${STILL_WAITS} AND deliveries.attempts = 0
  RETURNING deliveries.public_id`;

const SETTLE_LATER = `WITH settled AS (
    SELECT settled.*, found.place FROM ${unnested('settled', SETTLE_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {deliveries}
      WHERE public_id = settled.public_id AND state = 0 AND attempts = settled.attempt - 1 LIMIT 1
    ) AS found
  ), former AS (
    INSERT INTO {delivery_attempts}
      (job, webhook, attempt, status_code, error, started_at, ended_at)
    SELECT job, webhook, attempts, deliveries.status_code, deliveries.error, deliveries.started_at,
      deliveries.ended_at
    FROM settled JOIN {deliveries} ON deliveries.ctid = settled.place
    ON CONFLICT DO NOTHING
  )
  UPDATE {deliveries} SET ${SETTLE_COLUMNS} FROM settled WHERE deliveries.ctid = settled.place
    AND ${STILL_WAITS} AND deliveries.attempts = settled.attempt - 1
  RETURNING deliveries.public_id`;

const DISABLE_GONE = `INSERT INTO {webhook_endpoints}
    (organization, endpoint_id, url, disabled_by, disabled_at)
  SELECT DISTINCT ON (organization, endpoint_id) organization, endpoint_id, url, 0, ended_at
  FROM unnest($1::uuid[]) AS gone (id) CROSS JOIN LATERAL (
    SELECT * FROM {deliveries} WHERE public_id = gone.id AND state = 2 LIMIT 1
  ) AS deliveries
  ORDER BY organization, endpoint_id, ended_at
  ON CONFLICT (organization, endpoint_id) DO UPDATE
  SET disabled_by = excluded.disabled_by, disabled_at = excluded.disabled_at
  WHERE webhook_endpoints.disabled_by IS NULL`;

const STILL_PENDING = `SELECT deliveries.public_id FROM unnest($1::uuid[]) AS wanted (id)
  CROSS JOIN LATERAL (
    SELECT public_id FROM {deliveries} WHERE public_id = wanted.id AND state = 0 LIMIT 1
  ) AS deliveries`;

const END_SHAPE = { public_id: 'uuid', dead_reason: 'int2' } as const;

const END = `UPDATE {deliveries}
  SET state = 2, next_attempt_at = NULL, dead_reason = dead.dead_reason
  FROM (
    SELECT dead.*, found.place FROM ${unnested('dead', END_SHAPE)} CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {deliveries} WHERE public_id = dead.public_id AND state = 0 LIMIT 1
    ) AS found
  ) AS dead WHERE deliveries.ctid = dead.place AND ${STILL_WAITS}
  RETURNING deliveries.public_id`;

/** Settles attempts of deliveries, each delivery once. A vote is a row that was delivered: it needs no count. */
export async function settleDeliveries(
  scope: WriteScope,
  operations: readonly SettleDeliveryOperation[],
): Promise<readonly Verdict[]> {
  const { transaction } = scope;
  const [first, later] = [new Columns(SETTLE_SHAPE), new Columns(SETTLE_SHAPE)];
  const made = operations.map((operation) => {
    if (!isIdentifier(operation.deliveryId)) return null;
    const row = rowOf(operation);
    return attempted(() => {
      (operation.attempt === 1 ? first : later).add(row);
      return { verdict: 'ok' };
    });
  });
  const written = await together([
    first.length === 0 ? [] : transaction.query(SETTLE_FIRST, first.values()),
    later.length === 0 ? [] : transaction.query(SETTLE_LATER, later.values()),
  ]);
  const settled = new Set(written.flat().map((row) => identifier(row, 'public_id')));
  await disableGone(
    scope,
    operations.filter(({ deliveryId }) => settled.has(deliveryId)),
  );
  const left = operations.filter(
    ({ deliveryId }, index) => made[index]?.verdict === 'ok' && !settled.has(deliveryId),
  );
  const pending = await stillPending(scope, left);
  return operations.map(({ deliveryId }, index) => {
    const verdict = made[index];
    if (verdict?.verdict === 'rejected') return verdict;
    if (settled.has(deliveryId)) return { verdict: 'ok' };
    return { verdict: pending.has(deliveryId) ? 'stale' : 'gone' };
  });
}

function rowOf({
  deliveryId,
  attempt,
  statusCode,
  error,
  startedAt,
  endedAt,
  next,
}: SettleDeliveryOperation): Parameters<Columns<typeof SETTLE_SHAPE>['add']>[0] {
  const reason = next.state === 'dead' ? next.reason : undefined;
  return {
    public_id: deliveryId,
    attempt,
    state: DELIVERY_STATE_CODES.codeOf(next.state),
    status_code: statusCode,
    error,
    started_at: startedAt,
    ended_at: endedAt,
    next_attempt_at: next.state === 'pending' ? next.nextAttemptAt : null,
    dead_reason: reason === undefined ? null : DEAD_REASON_CODES.codeOf(reason),
  };
}

/** What is gone once is not there for the others either. */
async function disableGone(
  { transaction }: WriteScope,
  settled: readonly SettleDeliveryOperation[],
): Promise<void> {
  const gone = settled.flatMap(({ deliveryId, next }) =>
    next.state === 'dead' && next.reason === 'gone' ? [deliveryId] : [],
  );
  if (gone.length > 0) await transaction.run(DISABLE_GONE, [listOf('uuid', gone)]);
}

async function stillPending(
  { transaction }: WriteScope,
  operations: readonly SettleDeliveryOperation[],
): Promise<ReadonlySet<Id>> {
  const ids = operations.map(({ deliveryId }) => deliveryId);
  if (ids.length === 0) return new Set();
  const rows = await transaction.query(STILL_PENDING, [listOf('uuid', ids)]);
  return new Set(rows.map((row) => identifier(row, 'public_id')));
}

/** Ends pending deliveries without an attempt. */
export async function endDeliveries(
  { transaction }: WriteScope,
  operations: readonly EndDeliveryOperation[],
): Promise<readonly Verdict[]> {
  const columns = new Columns(END_SHAPE);
  for (const { deliveryId, reason } of operations) {
    if (!isIdentifier(deliveryId)) continue;
    columns.add({ public_id: deliveryId, dead_reason: DEAD_REASON_CODES.codeOf(reason) });
  }
  const rows = columns.length === 0 ? [] : await transaction.query(END, columns.values());
  const ended = new Set(rows.map((row) => identifier(row, 'public_id')));
  return operations.map(({ deliveryId }) => ({ verdict: ended.has(deliveryId) ? 'ok' : 'gone' }));
}
