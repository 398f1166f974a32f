import { divideLimit, type LimitShare } from '../pace/allotment.ts';
import type { SlotOwner } from './cluster-view.ts';

/**
 * One home's part of a limit, as its row has it. The owner of the limit's slot writes what is granted, the
 * home itself what it asks for and what it confirms.
 */
export interface HomeAllotment {
  readonly home: SlotOwner;
  /** Calls (or accounts) that wait for the limit there; 0: none does. */
  readonly demand: number;
  /**
   * Accounts with calls there, where accounts have equal parts of a limit: each home then gets as much as its accounts
   * have of it, and what some of them have no use for goes to the others. Absent or 0: it goes by demand alone.
   */
  readonly accounts?: number;
  /** What it was granted last. */
  readonly granted: LimitShare;
  /** What it may be spending by its own word. A home confirms more before it spends it, less afterwards. */
  readonly confirmed: LimitShare;
  /** Grants so far; a confirmation names the one that it means. */
  readonly grant: number;
  /** When it was last given its slots or lost them, by the database's clock in milliseconds; 0: never. */
  readonly turnAt: number;
}

/** What a home is granted from now on. */
export interface Grant {
  readonly home: SlotOwner;
  readonly share: LimitShare;
  readonly grant: number;
  readonly turnAt: number;
}

export interface AllotmentOptions {
  /** Share of the limit that all homes together keep though nothing waits there, at most. Default 0.04. */
  readonly floor: number;
  /** Nothing is moved for a difference of less than this share of the limit. Default 0.04. */
  readonly tolerance: number;
  /** Where there are fewer slots than homes, one keeps its slot so long. Milliseconds. Default 5,000. */
  readonly turnMs: number;
}

export const ALLOTMENTS: AllotmentOptions = { floor: 0.04, tolerance: 0.04, turnMs: 5_000 };

export interface DivideInput {
  readonly limit: LimitShare;
  /** Every home whose fence is current; of the others the leases have ended, and their rows go. */
  readonly homes: readonly HomeAllotment[];
  /** The database's clock, in milliseconds. */
  readonly now: number;
  readonly options?: AllotmentOptions;
}

/** What homes ask for is what they could do within so many seconds. */
export const DEMAND_SECONDS = 2;

/** Nothing of a limit. */
export const NO_SHARE: LimitShare = { ratePerSecond: 0, burst: 0, concurrency: 0 };

/**
 * One round over a limit that several homes spend: who is granted what from now on, only those for whom
 * something changes. What somebody may still be spending is given to nobody: less takes effect when it was
 * confirmed, more at once as far as something is free. A home whose calls wait gets the larger part, a quiet
 * one keeps a little, so that it can begin without asking.
 *
 * To be written together, and only if no other round over the same limit was written in between.
 */
export function divideAmongHomes(input: DivideInput): readonly Grant[] {
  const { limit, homes, now, options = ALLOTMENTS } = input;
  const targets = targetShares(input, options);
  const rates = step(
    limit.ratePerSecond,
    parts(homes, targets, ({ ratePerSecond }) => ratePerSecond),
  );
  const bursts = step(
    limit.burst,
    parts(homes, targets, ({ burst }) => burst),
  );
  const slots = wholeStep(
    Math.floor(limit.concurrency),
    parts(homes, targets, ({ concurrency }) => concurrency),
  );
  return homes.flatMap(({ home, granted, grant, turnAt }, index) => {
    const share: LimitShare = {
      ratePerSecond: rates[index] ?? 0,
      burst: bursts[index] ?? 0,
      concurrency: slots[index] ?? 0,
    };
    if (isSame(share, granted)) return [];
    const hasTurned = share.concurrency > 0 !== granted.concurrency > 0;
    return [{ home, share, grant: grant + 1, turnAt: hasTurned ? now : turnAt }];
  });
}

/** What each home ought to have when everything has been confirmed. */
function targetShares(
  { limit, homes, now }: DivideInput,
  options: AllotmentOptions,
): readonly LimitShare[] {
  const weights = weightsOf(homes, limit.ratePerSecond * DEMAND_SECONDS, options.floor);
  const whole = Math.floor(limit.concurrency);
  const slots = targetSlots(whole, homes, weights, now, options);
  const divided = divideLimit(limit, weights, 0);
  const keepsRate = mayStay(
    limit.ratePerSecond,
    homes.map(({ granted }) => granted.ratePerSecond),
    divided.map(({ ratePerSecond }) => ratePerSecond),
    options,
  );
  const keepsSlots = mayStay(
    whole,
    homes.map(({ granted }) => granted.concurrency),
    slots,
    options,
  );
  return divided.map((share, index) => {
    const granted = homes[index]?.granted;
    const { ratePerSecond, burst } = (keepsRate ? granted : undefined) ?? share;
    const concurrency = (keepsSlots ? granted?.concurrency : undefined) ?? slots[index] ?? 0;
    return { ratePerSecond, burst, concurrency };
  });
}

/** Whether what all were granted is nearly what they ought to have, and nearly all of it. */
function mayStay(
  limit: number,
  granted: readonly number[],
  targets: readonly number[],
  { tolerance }: AllotmentOptions,
): boolean {
  const sum = granted.reduce((total, part) => total + part, 0);
  const isUsed = sum <= limit && sum >= limit * (1 - tolerance);
  return (
    isUsed &&
    targets.every((target, index) => {
      const part = granted[index] ?? 0;
      return part > 0 === target > 0 && Math.abs(target - part) <= tolerance * limit;
    })
  );
}

/** Shares by demand, of which each home keeps a floor; they add up to 1. */
function weightsOf(
  homes: readonly HomeAllotment[],
  reach: number,
  floor: number,
): readonly number[] {
  const demands = demandsOf(homes, reach);
  const total = demands.reduce((sum, demand) => sum + demand, 0);
  if (total === 0) return homes.map(() => 1 / homes.length);
  const least = Math.min(floor, 1 / 2) / homes.length;
  return demands.map((demand) => least + (1 - homes.length * least) * (demand / total));
}

/**
 * What each home's accounts have of the limit: as much each, but no more than the home asks for; what is left over
 * then goes by the same measure.
 *
 * @param reach What all of them could have, in the unit of their demands.
 */
function demandsOf(homes: readonly HomeAllotment[], reach: number): readonly number[] {
  const accounts = homes.reduce((sum, home) => sum + (home.accounts ?? 0), 0);
  if (accounts === 0) return homes.map(({ demand }) => demand);
  const given = homes.map(() => 0);
  const byNeed = [...homes.entries()]
    .filter(([, home]) => (home.accounts ?? 0) > 0)
    .toSorted(([, a], [, b]) => a.demand / (a.accounts ?? 1) - b.demand / (b.accounts ?? 1));
  let [left, waiting] = [reach, accounts];
  for (const [index, { demand, accounts: own = 0 }] of byNeed) {
    const part = Math.min(demand, (left * own) / waiting);
    given[index] = part;
    left -= part;
    waiting -= own;
  }
  return given;
}

/**
 * One slot for everybody whose calls wait and the rest by weight; where there are too few, in turns. A quiet home
 * keeps one only where the few that are kept so are not missed.
 */
function targetSlots(
  whole: number,
  homes: readonly HomeAllotment[],
  weights: readonly number[],
  now: number,
  { turnMs }: AllotmentOptions,
): readonly number[] {
  const asking = homes.filter(({ demand }) => demand > 0).length;
  const isForAll = asking === 0 || homes.length - asking <= whole * QUIET_SLOTS;
  // In an order that stays the same from round to round, so that a rest goes to the same home each time.
  const all = homes
    .map((home, index) => ({ ...home, index, weight: weights[index] ?? 0 }))
    .toSorted((a, b) => (a.home.node < b.home.node ? -1 : 1));
  const wanting = isForAll ? all : all.filter(({ demand }) => demand > 0);
  const seated = wanting.length <= whole ? wanting : inTurn(wanting, now, turnMs).slice(0, whole);
  const rest = divideLimit(
    { ...NO_SHARE, concurrency: whole - seated.length },
    seated.map(({ weight }) => weight),
    0,
  );
  const slots = homes.map(() => 0);
  for (const [place, { index }] of seated.entries()) {
    slots[index] = 1 + (rest[place]?.concurrency ?? 0);
  }
  return slots;
}

/** Part of the slots that quiet homes may keep, at most. */
const QUIET_SLOTS = 0.1;

/** Who has a slot keeps it for a turn; after that, whoever has been without for longest comes first. */
function inTurn<Home extends HomeAllotment>(
  homes: readonly Home[],
  now: number,
  turnMs: number,
): readonly Home[] {
  const isKeeping = ({ granted, turnAt }: HomeAllotment) =>
    granted.concurrency > 0 && now - turnAt < turnMs;
  return homes.toSorted(
    (a, b) =>
      Number(isKeeping(b)) - Number(isKeeping(a)) ||
      Number(a.granted.concurrency > 0) - Number(b.granted.concurrency > 0) ||
      a.turnAt - b.turnAt,
  );
}

/** One quantity of one home. */
interface Part {
  readonly granted: number;
  readonly confirmed: number;
  readonly target: number;
}

function parts(
  homes: readonly HomeAllotment[],
  targets: readonly LimitShare[],
  of: (share: LimitShare) => number,
): readonly Part[] {
  return homes.map(({ granted, confirmed }, index) => ({
    granted: of(granted),
    confirmed: of(confirmed),
    target: of(targets[index] ?? NO_SHARE),
  }));
}

/**
 * What may be spent of it. What is taken back in this very round counts still: it may be confirmed, and then
 * spent, before this round is written.
 */
function spending({ granted, confirmed }: Part): number {
  return Math.max(granted, confirmed);
}

/** The next grants: less at once, more as far as it is free. */
function step(limit: number, all: readonly Part[]): readonly number[] {
  const left = limit - all.reduce((sum, part) => sum + spending(part), 0);
  const free = left > limit * 1e-9 ? left : 0;
  const wanted = all.reduce((sum, part) => sum + missing(part), 0);
  // Rounded down a little, so that the sum cannot end above the limit by rounding.
  const given = wanted > free ? (free / wanted) * (1 - 1e-9) : 1;
  return all.map((part) => Math.min(part.target, spending(part)) + missing(part) * given);
}

/** The same in whole numbers; who has least comes first. */
function wholeStep(limit: number, all: readonly Part[]): readonly number[] {
  let free = Math.max(0, limit - all.reduce((sum, part) => sum + spending(part), 0));
  const next = all.map((part) => Math.min(part.target, spending(part)));
  const byLeast = [...all.entries()].toSorted(([, a], [, b]) => spending(a) - spending(b));
  for (const [index, part] of byLeast) {
    const more = Math.min(free, missing(part));
    next[index] = (next[index] ?? 0) + more;
    free -= more;
  }
  return next;
}

function missing(part: Part): number {
  return Math.max(0, part.target - spending(part));
}

function isSame(first: LimitShare, second: LimitShare): boolean {
  const isClose = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(a, b);
  return (
    isClose(first.ratePerSecond, second.ratePerSecond) &&
    isClose(first.burst, second.burst) &&
    first.concurrency === second.concurrency
  );
}
