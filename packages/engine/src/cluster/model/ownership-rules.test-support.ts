import type { ClusterRules } from '../cluster-database.test-support.ts';
import { type ClockReading, type Lease, leaseLeftMs } from '../lease.ts';

/** What is held to, and what can be left out so that the model must find it. */
export interface OwnershipRules extends ClusterRules {
  readonly checksFences: boolean;
  readonly comparesTokens: boolean;
  /** Whether a slot's attempt that was armed by somebody else is sent under the same number. */
  readonly sendsAgain: boolean;
  readonly leaseFrom: 'sending' | 'answer';
  readonly clocks: 'both' | 'wall' | 'monotonic';
  readonly order: 'fence first' | 'take first';
  /** Whether a slot may be handed over with calls under way. */
  readonly isImpatient: boolean;
  /** Whether a slot is kept while a write about it was not answered. */
  readonly waitsForWrites: boolean;
  /** Whether what is armed goes on being sent in a slot whose release was asked for. */
  readonly sendsReleased: boolean;
  /** Whether a slot whose release was asked for is served again when nothing was answered. */
  readonly forgetsReleases: boolean;
  /** After so many attempts a job ends. */
  readonly maxAttempts: number;
}

/** As it is done, on a time with a coarse grain: one tick is a heartbeat and either margin. */
export const RIGHT: OwnershipRules = {
  times: { heartbeatMs: 1, leaseMs: 3, stopMarginMs: 1, takeMarginMs: 1 },
  takesUnfenced: false,
  checksFences: true,
  comparesTokens: true,
  sendsAgain: false,
  leaseFrom: 'sending',
  clocks: 'both',
  order: 'fence first',
  isImpatient: false,
  waitsForWrites: true,
  sendsReleased: false,
  forgetsReleases: false,
  maxAttempts: 2,
};

/** A lease counted from now: what has passed is taken off it; null: it is over. */
export function shortened(
  lease: Lease | null,
  { wall, monotonic }: ClockReading,
  rules: OwnershipRules,
): Lease | null {
  if (lease === null) return null;
  const left = { wallEnd: lease.wallEnd - wall, monotonicEnd: lease.monotonicEnd - monotonic };
  return isAlive(left, rules) ? left : null;
}

export function isAlive(lease: Lease | null, { clocks, times }: OwnershipRules): boolean {
  if (lease === null) return false;
  const wallEnd = clocks === 'monotonic' ? lease.monotonicEnd : lease.wallEnd;
  const monotonicEnd = clocks === 'wall' ? lease.wallEnd : lease.monotonicEnd;
  return leaseLeftMs({ wallEnd, monotonicEnd }, { wall: 0, monotonic: 0 }, times) > 0;
}
