import { DEFAULTS } from '@ezthrottle/core/protocol';
import { retryAfterInstant } from '../decide/retry-after.ts';
import type { Outcome } from '../job/outcome.ts';
import { isSuccess } from '../job/outcome.ts';
import type { SettleDeliveryOperation } from '../ports/operation.ts';

export type NextDelivery = SettleDeliveryOperation['next'];

export interface DeliverySchedule {
  /** Waits before each attempt, in milliseconds; the last one repeats. */
  readonly delaysMs: readonly number[];
  /** From the delivery's creation; what would come later is not tried. Milliseconds. */
  readonly giveUpMs: number;
}

export const DEFAULT_DELIVERY_SCHEDULE: DeliverySchedule = {
  delaysMs: DEFAULTS.deliveryDelaysMs,
  giveUpMs: DEFAULTS.deliveryGiveUpMs,
};

/** Shortest wait where the schedule names none, so that an empty one does not spin. */
const MIN_WAIT_MS = 1_000;

/**
 * What becomes of a delivery after an attempt.
 *
 * 2xx: delivered. 410, or an address that may not be called: dead at once. Everything else: again after
 * the schedule's wait, or later where a 429 or 503 names a later moment (but once more before giving
 * up), and dead when the next attempt would come after `giveUpMs`.
 *
 * @param attempt The attempt that was made, from 1.
 * @param createdAt When the delivery came to be, and `now`: milliseconds since the epoch.
 */
export function nextDelivery(
  attempt: number,
  outcome: Outcome,
  createdAt: number,
  now: number,
  schedule: DeliverySchedule = DEFAULT_DELIVERY_SCHEDULE,
): NextDelivery {
  if (isSuccess(outcome)) return { state: 'delivered' };
  if (outcome.kind === 'refused') return { state: 'dead', reason: 'refused' };
  if (statusOf(outcome) === 410) return { state: 'dead', reason: 'gone' };
  const giveUpAt = createdAt + schedule.giveUpMs;
  // Not the endpoint's doing: the same attempt is made again when the server is back.
  const wait = isInterrupted(outcome) ? 0 : waitAfter(attempt, schedule.delaysMs);
  const planned = now + wait;
  if (planned > giveUpAt) return { state: 'dead', reason: 'gave_up' };
  const named = namedInstant(outcome, now);
  const nextAttemptAt = named === null ? planned : Math.min(Math.max(planned, named), giveUpAt);
  return { state: 'pending', nextAttemptAt };
}

function waitAfter(attempt: number, delaysMs: readonly number[]): number {
  return Math.max(delaysMs[attempt] ?? delaysMs.at(-1) ?? 0, MIN_WAIT_MS);
}

function isInterrupted({ kind }: Outcome): boolean {
  return kind === 'aborted' || kind === 'unknown';
}

function statusOf(outcome: Outcome): number | null {
  return outcome.kind === 'response' ? outcome.status : null;
}

function namedInstant(outcome: Outcome, now: number): number | null {
  if (outcome.kind !== 'response' || (outcome.status !== 429 && outcome.status !== 503))
    return null;
  return retryAfterInstant(outcome.headers['retry-after'], now);
}
