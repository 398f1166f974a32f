/** Calls to one origin, and how many of them were second calls. Plain data. */
export interface HedgeBudget {
  readonly calls: number;
  readonly hedges: number;
}

export const NO_CALLS: HedgeBudget = { calls: 0, hedges: 0 };

/** Counts are halved at so many calls: what was saved up long ago does not allow a burst. */
const MEMORY_CALLS = 1_000;

/** Second calls that any budget but one of 0 % allows: a share of few calls would be none at all. */
const FREE_HEDGES = 5;

/** One more call has left; second calls are calls, too. */
export function withCall(budget: HedgeBudget, isHedge: boolean): HedgeBudget {
  const next = { calls: budget.calls + 1, hedges: budget.hedges + (isHedge ? 1 : 0) };
  if (next.calls < MEMORY_CALLS) return next;
  // Those that any budget allows are not halved: they would come anew.
  const beyond = Math.max(0, next.hedges - FREE_HEDGES);
  return { calls: next.calls / 2, hedges: next.hedges - beyond / 2 };
}

/** Whether one more second call keeps within this many percent of all calls, and a handful. */
export function allowsHedge({ calls, hedges }: HedgeBudget, budgetPercent: number): boolean {
  if (budgetPercent <= 0) return false;
  return (hedges + 1 - FREE_HEDGES) * 100 <= budgetPercent * (calls + 1);
}
