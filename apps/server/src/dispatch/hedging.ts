import { CallRecord } from '@ezthrottle/engine';
import type { Hedging, Id } from '@ezthrottle/engine';
import type { Destinations } from './destinations.ts';

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
