import type {
  DeliveryRecord,
  EndDeliveryOperation,
  PruneOperation,
  PutEndpointOperation,
  SettleDeliveryOperation,
  Verdict,
} from '@ezthrottle/engine';
import { isQuorumReached } from '@ezthrottle/engine';
import { endpointKey, type JobTables, keyOf } from './job-tables.ts';
import type { StoredJob } from './stored-job.ts';

/** Settles an attempt of a delivery and counts its vote. */
export function settleDelivery(tables: JobTables, operation: SettleDeliveryOperation): Verdict {
  const delivery = tables.deliveries.get(operation.deliveryId);
  if (delivery?.record.state !== 'pending') return { verdict: 'gone' };
  if (delivery.record.attempts + 1 !== operation.attempt) return { verdict: 'stale' };
  const { attempt: attempts, statusCode, error, next, endedAt } = operation;
  tables.pending.delete(delivery);
  const { startedAt } = operation;
  delivery.attempts.push({ attempt: attempts, statusCode, error, startedAt, endedAt });
  const nextAttemptAt = next.state === 'pending' ? next.nextAttemptAt : null;
  const { state } = next;
  const deadReason = next.state === 'dead' ? (next.reason ?? null) : null;
  const changes = { state, attempts, statusCode, error, deadReason, nextAttemptAt };
  delivery.record = { ...delivery.record, ...changes };
  if (deadReason === 'gone') disableEndpoint(tables, delivery.record, endedAt);
  tables.putDelivery(delivery);
  const { owner } = delivery;
  const records = owner.deliveries.map(({ record }) => record);
  if (isQuorumReached(records, owner.job.spec.webhookQuorum)) owner.quorumReachedAt ??= endedAt;
  return { verdict: 'ok' };
}

/** Ends a delivery without an attempt. */
export function endDelivery(tables: JobTables, operation: EndDeliveryOperation): Verdict {
  const delivery = tables.deliveries.get(operation.deliveryId);
  if (delivery?.record.state !== 'pending') return { verdict: 'gone' };
  tables.pending.delete(delivery);
  const { reason: deadReason } = operation;
  delivery.record = { ...delivery.record, state: 'dead', deadReason, nextAttemptAt: null };
  return { verdict: 'ok' };
}

export function putEndpoint(tables: JobTables, operation: PutEndpointOperation): Verdict {
  const { organization, endpointId, disabled } = operation;
  const key = endpointKey(organization, endpointId);
  const known = tables.endpoints.get(key);
  if (known === undefined) return { verdict: 'gone' };
  tables.endpoints.set(key, { ...known, disabled });
  return { verdict: 'ok' };
}

function disableEndpoint(
  tables: JobTables,
  { organization, endpointId, url }: DeliveryRecord,
  at: number,
): void {
  const key = endpointKey(organization, endpointId);
  const known = tables.endpoints.get(key);
  if (known !== undefined && known.disabled !== null) return;
  const disabled = { by: 'gone', at } as const;
  tables.endpoints.set(key, { organization, endpointId, url, disabled });
}

/** Removes jobs that are past their time, the oldest first. */
export function prune(tables: JobTables, operation: PruneOperation): Verdict {
  const { now, jobsEndedBefore, limit } = operation;
  const gone = tables.ended
    .values()
    .filter((stored) => isPrunable(tables, stored, now, jobsEndedBefore))
    .slice(0, limit);
  for (const stored of gone) tables.remove(stored);
  return { verdict: 'ok', count: gone.length };
}

function isPrunable(tables: JobTables, stored: StoredJob, now: number, before: number): boolean {
  const { job, end, deliveries } = stored;
  if (end === null || end.at >= before) return false;
  if (deliveries.some(({ record }) => record.state === 'pending')) return false;
  const holder = tables.keys.get(keyOf(job.organization, job.idempotency));
  return holder?.owner !== stored || (holder.expiresAt !== null && holder.expiresAt <= now);
}
