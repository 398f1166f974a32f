import type { KeyDivision, LimitShare, PaceSettings, PaceState } from '@ezthrottle/engine';

/** Differences of this part of a share are none: what is learned comes back a little off. */
const LEAST_MOVE = 0.01;

/** How a key is divided; null: this node has all of it, though others might ask for some. */
export function divisionOf(
  whole: PaceSettings,
  { settings, allottedUntil }: PaceState,
  movedAt: number,
  parts: number | null,
): KeyDivision | null {
  if (settings.part === undefined && allottedUntil === undefined) return null;
  const { ratePerSecond, concurrency } = whole;
  return { whole: { ratePerSecond, concurrency }, movedAt, parts };
}

/** Whether a share has become noticeably more or less. */
export function hasMoved(from: LimitShare, to: LimitShare): boolean {
  const [less, more] = [from.ratePerSecond, to.ratePerSecond].toSorted((a, b) => a - b);
  return (more ?? 0) - (less ?? 0) > (more ?? 0) * LEAST_MOVE;
}
