/** Rows that one read gives or one step of pruning removes, at most. */
const MAX_ROWS = 10_000;

/** A limit as asked for, between 0 and `MAX_ROWS`. */
export function boundedLimit(limit: number): number {
  return Math.max(0, Math.min(Math.floor(limit), MAX_ROWS));
}
