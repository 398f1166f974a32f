/** Calls to one origin, and how many of them were second calls. Plain data. */
export interface HedgeBudget {
  readonly calls: number;
  readonly hedges: number;
}

export const NO_CALLS: HedgeBudget = { calls: 0, hedges: 0 };

/** Counts are halved at so many calls: what was saved up long ago does not allow a burst. */
const MEMORY_CALLS = 1_000;

/** One more call has left; second calls are calls, too. */
export function withCall(budget: HedgeBudget, isHedge: boolean): HedgeBudget {
  const next = { calls: budget.calls + 1, hedges: budget.hedges + (isHedge ? 1 : 0) };
  return next.calls < MEMORY_CALLS ? next : { calls: next.calls / 2, hedges: next.hedges / 2 };
}

/** Whether one more second call keeps within this many percent of all calls. */
export function allowsHedge({ calls, hedges }: HedgeBudget, budgetPercent: number): boolean {
  return (hedges + 1) * 100 <= budgetPercent * (calls + 1);
}
