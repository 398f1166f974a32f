import { isWithoutRate } from './limit-settings.ts';
import { clampRate, concurrencyCeiling, type PaceSettings, wholeSlots } from './pace-settings.ts';
import { effectiveBurst, intervalMs, type PaceState, spendBurst, withRate } from './pace-state.ts';

/** How much of a limit somebody may spend. */
export interface LimitShare {
  readonly ratePerSecond: number;
  readonly burst: number;
  /** Calls at the same time. */
  readonly concurrency: number;
}

/**
 * What one node may spend of a limit. The shares of all nodes never add up to more than the limit: a node
 * whose share shrinks is told before another's grows. On one machine the share is the whole.
 */
export interface Allotment extends LimitShare {
  /** 0 lets nothing go. */
  readonly ratePerSecond: number;
  /** Whole; 0 lets nothing go. */
  readonly concurrency: number;
  /** Nothing leaves from then on, in monotonic milliseconds; null: no end. */
  readonly until: number | null;
}

/** The whole of a limit, without an end. */
export function wholeAllotment(settings: PaceSettings): Allotment {
  const { ratePerSecond, burst, concurrency } = settings;
  return { ratePerSecond, burst, concurrency, until: null };
}

/**
 * A limit divided among nodes, each weighted by what it asks for. Rates and bursts add up to the limit's
 * at most, slots to exactly its whole number of them. Shares of nothing are given to nobody: with no
 * demand at all everybody gets the same.
 *
 * @param demands One for each node, 0 or more.
 * @param until End of all the shares, in monotonic milliseconds.
 */
export function divideLimit(
  settings: LimitShare,
  demands: readonly number[],
  until: number,
): readonly Allotment[] {
  const total = demands.reduce((sum, demand) => sum + demand, 0);
  const shares = demands.map((demand) => (total > 0 ? demand / total : 1 / demands.length));
  const slots = wholeParts(Math.floor(settings.concurrency), shares);
  return shares.map((share, index) => ({
    // Rounded down a little, so that the sum cannot end above the limit by rounding.
    ratePerSecond: settings.ratePerSecond * share * (1 - Number.EPSILON * demands.length),
    burst: settings.burst * share * (1 - Number.EPSILON * demands.length),
    concurrency: slots[index] ?? 0,
    until,
  }));
}

/**
 * The key under another allotment from now on. What could be spent here at once still can, as far as the burst
 * reaches: where the burst grows, the rest of it has to be earned, since whoever has given it away may have just
 * spent it; where it shrinks, what was spent of the part that is given away need not be paid off here, since it is
 * earned where that part goes. After an allotment that had ended all of it has to be earned.
 *
 * Answers lower a share, by their part of what they announce, and raise it no further than it is: what all
 * spend together stays within the limit.
 *
 * @param settings Of the whole limit.
 */
export function withAllotment(
  state: PaceState,
  settings: PaceSettings,
  allotment: Allotment,
  now: number,
): PaceState {
  const { ratePerSecond, until } = allotment;
  if (ratePerSecond <= 0) return { ...state, allottedUntil: now };
  const hadEnded = state.allottedUntil !== undefined && state.allottedUntil <= now;
  const share = shareOf(settings, allotment);
  const learned = learnedBy(state, share.part ?? 1, now);
  const next = { ...withSettings(learned, share, now), allottedUntil: until ?? undefined };
  // Where there is no rate nothing is spent that had to be earned.
  if (isWithoutRate(settings)) return { ...next, arrivesAt: Math.min(next.arrivesAt, now) };
  const gained = effectiveBurst(next) - effectiveBurst(state);
  const owedUntil = Math.max(next.arrivesAt, now) + gained * intervalMs(next);
  const moved = { ...next, arrivesAt: Math.max(now, owedUntil) };
  return hadEnded ? spendBurst(moved, now) : moved;
}

/** Shares are rounded down a little when a limit is divided, also for one node. */
const ALMOST_ALL = 1 - 1e-6;

function shareOf(
  settings: PaceSettings,
  { ratePerSecond, burst, concurrency }: LimitShare,
): PaceSettings {
  const isWhole =
    ratePerSecond >= settings.ratePerSecond * ALMOST_ALL &&
    concurrency >= Math.floor(settings.concurrency);
  if (isWhole) return { ...settings, ratePerSecond, burst, concurrency };
  const part = ratePerSecond / settings.ratePerSecond;
  const floorPerSecond = settings.floorPerSecond * part;
  const ceiling = { configured: true, allowRaise: false, part };
  return { ...settings, ...ceiling, ratePerSecond, burst, concurrency, floorPerSecond };
}

/** What was taught to the state's own part, as it is for another one. */
function learnedBy(state: PaceState, part: number, now: number): PaceState {
  const by = part / (state.settings.part ?? 1);
  const { learnedRate, learnedConcurrency, ratePerSecond, peakRate, troughRate, settings } = state;
  const isHeldBack = by !== 1 && ratePerSecond < settings.ratePerSecond * ALMOST_ALL;
  return {
    ...(isHeldBack ? withRate(state, ratePerSecond * by, now) : state),
    peakRate: peakRate === null ? null : peakRate * by,
    troughRate: troughRate === null ? null : troughRate * by,
    learnedRate: learnedRate === null ? null : learnedRate * by,
    // Not rounded: parts come and go, and each time a slot would be lost for good.
    learnedConcurrency: learnedConcurrency === null ? null : learnedConcurrency * by,
  };
}

/**
 * The key under other settings from now on, as an operator edits them while it runs. A lower rate holds at
 * once; a higher one does, too, unless responses had lowered it: then it is the ceiling of what comes
 * back.
 */
export function withSettings(state: PaceState, settings: PaceSettings, now: number): PaceState {
  const wasHeldBack = state.ratePerSecond < state.settings.ratePerSecond;
  const wanted = state.learnedRate ?? settings.ratePerSecond;
  const rate = clampRate(settings, wasHeldBack ? Math.min(state.ratePerSecond, wanted) : wanted);
  const ceiling = Math.max(settings.ratePerSecond, state.learnedRate ?? 0);
  const { learnedConcurrency } = state;
  const slots = learnedConcurrency === null ? settings.concurrency : wholeSlots(learnedConcurrency);
  return {
    ...withRate(state, Math.min(rate, ceiling), now),
    settings,
    concurrency: Math.min(slots, concurrencyCeiling(settings)),
  };
}

function wholeParts(whole: number, shares: readonly number[]): readonly number[] {
  const exact = shares.map((share) => share * whole);
  const parts = exact.map(Math.floor);
  let left = whole - parts.reduce((sum, part) => sum + part, 0);
  const byRest = exact
    .map((value, index) => ({ index, rest: value - Math.floor(value) }))
    .toSorted((first, second) => second.rest - first.rest);
  for (const { index } of byRest) {
    if (left <= 0) break;
    parts[index] = (parts[index] ?? 0) + 1;
    left -= 1;
  }
  return parts;
}
