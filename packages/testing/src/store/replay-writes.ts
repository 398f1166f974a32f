import type { ReplayOperation, Verdict } from '@ezthrottle/engine';
import { checkIdentifier } from './check-rows.ts';
import type { JobTables } from './job-tables.ts';
import type { StoredDelivery } from './stored-job.ts';

/** A dead delivery is pending again. */
export function replayDelivery(
  tables: JobTables,
  { organization, deliveryId, at }: Extract<ReplayOperation, { type: 'replay_delivery' }>,
): Verdict {
  const delivery = tables.deliveries.get(deliveryId);
  const { record } = delivery ?? {};
  if (delivery === undefined || record?.organization !== organization) return { verdict: 'gone' };
  if (record.state !== 'dead') {
    // One that was delivered at once is not found by its id.
    const isKnown = record.state === 'pending' || record.replayed !== undefined;
    return { verdict: isKnown ? 'stale' : 'gone' };
  }
  delivery.record = {
    ...record,
    state: 'pending',
    deadReason: null,
    nextAttemptAt: at,
    replayed: { at, afterAttempts: record.attempts },
  };
  tables.putDelivery(delivery);
  return { verdict: 'ok' };
}

/** A further delivery about a job that has ended. */
export function addDelivery(
  tables: JobTables,
  { organization, jobId, delivery, at }: Extract<ReplayOperation, { type: 'add_delivery' }>,
): Verdict {
  const owner = tables.byId.get(jobId);
  if (owner?.job.organization !== organization || owner.end === null) return { verdict: 'gone' };
  checkIdentifier(delivery.id, 'delivery.id');
  const isTaken = owner.deliveries.some(({ record }) => record.webhook === delivery.webhook);
  if (isTaken || tables.deliveries.has(delivery.id)) return { verdict: 'stale' };
  const stored: StoredDelivery = {
    owner,
    attempts: [],
    record: {
      ...delivery,
      jobId,
      organization,
      state: 'pending',
      attempts: 0,
      statusCode: null,
      error: null,
      deadReason: null,
      createdAt: at,
      replayed: { at, afterAttempts: 0 },
    },
  };
  owner.deliveries.push(stored);
  tables.putDelivery(stored);
  return { verdict: 'ok' };
}
