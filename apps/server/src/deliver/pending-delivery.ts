import type { DeliveryRecord, Id, NewDelivery } from '@ezthrottle/engine';

/** The record of a delivery that was committed a moment ago, without reading it back. */
export function pendingDelivery(
  job: { readonly id: Id; readonly organization: Id },
  delivery: NewDelivery,
  createdAt: number,
): DeliveryRecord {
  return {
    ...delivery,
    jobId: job.id,
    organization: job.organization,
    state: 'pending',
    attempts: 0,
    statusCode: null,
    error: null,
    deadReason: null,
    createdAt,
  };
}
