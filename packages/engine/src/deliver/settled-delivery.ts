import type { Outcome } from '../job/outcome.ts';
import type { AttemptReport } from '../ports/executor.ts';
import type { SettleDeliveryOperation } from '../ports/operation.ts';
import type { DeliveryRecord } from '../ports/records.ts';
import { type DeliverySchedule, type NextDelivery, nextDelivery } from './next-delivery.ts';

/** Later waits are stretched by up to this share, so that endpoints do not get them all at once. */
const JITTER = 0.1;

export interface SettlingContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly schedule: DeliverySchedule;
  /** From 0 up to 1. */
  readonly random: number;
}

/**
 * What is written about one attempt of a delivery, and with it what becomes of the delivery.
 *
 * @param attempt The attempt that was made, from 1.
 */
export function settledDelivery(
  delivery: Pick<DeliveryRecord, 'id' | 'createdAt' | 'replayed'>,
  attempt: number,
  { outcome, startedAt, endedAt }: Pick<AttemptReport, 'outcome' | 'startedAt' | 'endedAt'>,
  { now, schedule, random }: SettlingContext,
): SettleDeliveryOperation {
  // A replay begins the schedule anew; the numbers of its attempts go on.
  const { at: since, afterAttempts } = delivery.replayed ?? {
    at: delivery.createdAt,
    afterAttempts: 0,
  };
  const next = nextDelivery(attempt - afterAttempts, outcome, since, now, schedule);
  return {
    type: 'settle_delivery',
    deliveryId: delivery.id,
    attempt,
    statusCode: outcome.kind === 'response' ? outcome.status : null,
    error: errorOf(outcome),
    startedAt,
    endedAt,
    next: jittered(next, now, random),
  };
}

function errorOf(outcome: Outcome): string | null {
  switch (outcome.kind) {
    case 'network_error':
    case 'refused':
      return `${outcome.code}: ${outcome.message}`;
    case 'timeout':
      return `timeout: ${outcome.message}`;
    case 'response':
    case 'aborted':
    case 'unknown':
      return null;
  }
}

function jittered(next: NextDelivery, now: number, random: number): NextDelivery {
  if (next.state !== 'pending') return next;
  const wait = Math.max(0, next.nextAttemptAt - now);
  return {
    state: 'pending',
    nextAttemptAt: next.nextAttemptAt + Math.floor(wait * JITTER * random),
  };
}
