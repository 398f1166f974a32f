import type { JobSpec } from '../job/job-spec.ts';
import { allowsHedge, type HedgeBudget, NO_CALLS, withCall } from './hedge-budget.ts';
import { Latencies } from './latencies.ts';

/** What second calls to one origin are decided by: how long answers took, and how many calls there were. */
export class CallRecord {
  readonly #latencies = new Latencies();
  #budget: HedgeBudget = NO_CALLS;

  left(): void {
    this.#budget = withCall(this.#budget, false);
  }

  answered(tookMs: number): void {
    this.#latencies.note(tookMs);
  }

  percentile(percent: number): number | null {
    return this.#latencies.percentile(percent);
  }

  /** One that is allowed counts from now on, so that those which still stand in line are not too many. */
  allows(budgetPercent: number): boolean {
    if (!allowsHedge(this.#budget, budgetPercent)) return false;
    this.#budget = { ...this.#budget, hedges: this.#budget.hedges + 1 };
    return true;
  }
}

/** Whether a job may start second calls. */
export function mayHedge({ paths }: JobSpec): boolean {
  return paths.some(({ hedge }) => hedge !== undefined);
}
