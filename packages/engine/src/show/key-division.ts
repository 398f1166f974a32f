import type { DividedPace, DivisionView } from '@ezthrottle/core/protocol';
import { isWithoutRate } from '../pace/limit-settings.ts';
import type { PaceSettings } from '../pace/pace-settings.ts';
import type { PaceState } from '../pace/pace-state.ts';

/** How a key is divided among several servers, as one of them sees it that has a share. */
export interface KeyDivision {
  /** All of it, before answers have lowered anything. */
  readonly whole: KeyPace;
  /** When the share changed last, on the monotonic clock. */
  readonly movedAt: number;
  /** Into how many parts the calls that come now are divided by account; null: shares go by demand. */
  readonly parts: number | null;
}

/** The part of a divided destination in which a call stands. */
export interface StandingPart {
  readonly part: number;
  /** Calls of the same part that go first. */
  readonly ahead: number;
}

/** Shares go on moving for a few rounds once one has moved, in milliseconds. */
const SETTLING_MS = 10_000;

/** How much may be spent of a key. */
export type KeyPace = Pick<PaceSettings, 'ratePerSecond' | 'concurrency'>;

/** What this server may spend of the key now. */
export function spentHere(
  { ratePerSecond, concurrency, allottedUntil }: PaceState,
  now: number,
): KeyPace {
  const isEnded = allottedUntil !== undefined && allottedUntil <= now;
  return isEnded ? { ratePerSecond: 0, concurrency: 0 } : { ratePerSecond, concurrency };
}

/**
 * All of the key that is in force. Where answers have lowered this server's share the others' are taken to have
 * fared alike, as when a lowered pace is written down.
 */
export function inForceOfAll(pace: PaceState, division: KeyDivision | null, now: number): KeyPace {
  const here = spentHere(pace, now);
  if (division === null) return here;
  const { whole } = division;
  if (here.ratePerSecond === 0) return whole;
  return {
    ratePerSecond: whole.ratePerSecond * leftOf(here.ratePerSecond, pace.settings.ratePerSecond),
    concurrency: whole.concurrency * leftOf(here.concurrency, pace.settings.concurrency),
  };
}

/** Whether its share has moved only just now, so that it may move again at once, or there is none. */
export function isUnsettled(pace: PaceState, { movedAt }: KeyDivision, now: number): boolean {
  return spentHere(pace, now).ratePerSecond === 0 || now - movedAt < SETTLING_MS;
}

export function divisionView(
  key: string,
  pace: PaceState,
  division: KeyDivision,
  standing: StandingPart,
  isCounted: boolean,
  now: number,
): DivisionView {
  const { parts } = division;
  const common = {
    key,
    whole: paceView(inForceOfAll(pace, division, now), division),
    share: paceView(spentHere(pace, now), division),
  };
  if (parts === null) return { ...common, parts, part: null, position: null };
  const { part, ahead } = standing;
  return { ...common, parts, part, position: isCounted ? ahead : null };
}

/** A figure as it is told. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

function paceView({ ratePerSecond, concurrency }: KeyPace, { whole }: KeyDivision): DividedPace {
  const rate = isWithoutRate(whole) ? null : rounded(ratePerSecond);
  return { rate, concurrency: Math.floor(concurrency) };
}

function leftOf(inForce: number, granted: number): number {
  return granted > 0 ? Math.min(1, inForce / granted) : 1;
}
