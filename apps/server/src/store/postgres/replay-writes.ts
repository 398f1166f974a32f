import { type Id, type ReplayOperation, slotOfEndpoint, type Verdict } from '@ezthrottle/engine';
import { integer } from '../rows/row.ts';
import { listOf } from './columns.ts';
import { isIdentifier } from './interned.ts';
import type { WriteScope } from './write-scope.ts';

type ReplayDelivery = Extract<ReplayOperation, { type: 'replay_delivery' }>;
type AddDelivery = Extract<ReplayOperation, { type: 'add_delivery' }>;

// The job is kept from the pruner first: it either sees the delivery pending, or is done before.
const KEEP_JOBS = `SELECT job FROM {ended} WHERE job = ANY (ARRAY(
    SELECT job FROM {deliveries} WHERE public_id = ANY ($1::uuid[]) AND state = 2))
  ORDER BY job FOR KEY SHARE`;

const REPLAY = `UPDATE {deliveries} AS dead SET state = 0, next_attempt_at = replays.at,
    dead_reason = NULL, replayed_at = replays.at, replayed_after = dead.attempts
  FROM (
    SELECT replays.at, found.place FROM unnest($1::uuid[], $2::int8[]) AS replays (id, at)
    CROSS JOIN LATERAL (
      SELECT ctid AS place FROM {deliveries}
      WHERE public_id = replays.id AND state = 2 AND organization = $3 LIMIT 1
    ) AS found
  ) AS replays WHERE dead.ctid = replays.place AND dead.state >= 2`;

const IS_KNOWN = `SELECT 1 FROM {deliveries}
    WHERE public_id = $1 AND state = 0 AND organization = $2
  UNION ALL SELECT 1 FROM {deliveries}
    WHERE public_id = $1 AND replayed_at IS NOT NULL AND organization = $2`;

const ENDED_JOB = `SELECT jobs.id FROM {jobs} AS jobs JOIN {ended} AS ended ON ended.job = jobs.id
  WHERE jobs.public_id = $1 AND jobs.organization = $2 FOR KEY SHARE OF ended`;

const ADD = `INSERT INTO {deliveries} (job, webhook, public_id, organization, slot, endpoint_id, url,
    state, has_quorum_vote, receives_continuation, next_attempt_at, created_at, replayed_at,
    replayed_after)
  VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $11, 0)
  ON CONFLICT DO NOTHING`;

/** Dead deliveries that are sent again, as they are or as new ones. */
export function applyReplay(scope: WriteScope, operation: ReplayOperation): Promise<Verdict> {
  return operation.type === 'replay_delivery' ? send(scope, operation) : insert(scope, operation);
}

/** How many of these deliveries are pending again; those that are not dead are left alone. */
export async function replayDeliveries(
  { transaction }: WriteScope,
  organization: number,
  replays: readonly { readonly deliveryId: Id; readonly at: number }[],
): Promise<number> {
  const known = replays.filter(({ deliveryId }) => isIdentifier(deliveryId));
  if (known.length === 0) return 0;
  const ids = listOf(
    'uuid',
    known.map(({ deliveryId }) => deliveryId),
  );
  const moments = listOf(
    'int8',
    known.map(({ at }) => at),
  );
  await transaction.query(KEEP_JOBS, [ids]);
  return transaction.run(REPLAY, [ids, moments, organization]);
}

async function send(
  scope: WriteScope,
  { organization, deliveryId, at }: ReplayDelivery,
): Promise<Verdict> {
  const owner = await scope.interned.findOrganization(organization);
  if (owner === null || !isIdentifier(deliveryId)) return { verdict: 'gone' };
  const count = await replayDeliveries(scope, owner, [{ deliveryId, at }]);
  if (count === 1) return { verdict: 'ok' };
  const known = await scope.transaction.query(IS_KNOWN, [deliveryId, owner]);
  return { verdict: known.length === 0 ? 'gone' : 'stale' };
}

async function insert(
  { transaction, interned }: WriteScope,
  { organization, jobId, delivery, at }: AddDelivery,
): Promise<Verdict> {
  const owner = await interned.findOrganization(organization);
  if (owner === null || !isIdentifier(jobId)) return { verdict: 'gone' };
  const [job] = await transaction.query(ENDED_JOB, [jobId, owner]);
  if (job === undefined) return { verdict: 'gone' };
  const count = await transaction.run(ADD, [
    integer(job, 'id'),
    delivery.webhook,
    delivery.id,
    owner,
    slotOfEndpoint(organization, delivery.url),
    delivery.endpointId,
    delivery.url,
    delivery.hasQuorumVote,
    delivery.receivesContinuation,
    delivery.nextAttemptAt,
    at,
  ]);
  return { verdict: count === 0 ? 'stale' : 'ok' };
}
