import { allowsHedge, Latencies, NO_CALLS, withCall } from '@ezthrottle/engine';
import type { HedgeBudget, Hedging, Id, JobSpec } from '@ezthrottle/engine';
import type { Destinations } from './destinations.ts';

/** What second calls are decided by: how long answers took, and how many calls there were. */
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

/** The records of an organization's destinations. One begins with the first job that asks for it. */
export function hedgingOf(destinations: Destinations, organization: Id): Hedging {
  const recordOf = (origin: string): CallRecord => {
    const destination = destinations.get(organization, origin);
    destination.record ??= new CallRecord();
    return destination.record;
  };
  return {
    latencyMs: (origin, percentile) => recordOf(origin).percentile(percentile),
    allows: (origin, budgetPercent) => recordOf(origin).allows(budgetPercent),
  };
}
