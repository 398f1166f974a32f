import { parseLimitKey } from '@ezthrottle/core/protocol';
import { destinationKey, type Id, limitKey } from '@ezthrottle/engine';
import type { LimitElsewhere, LimitsElsewhere } from '../../limits/limit-state.ts';
import type { ShareRows } from './share-rows.ts';

/** How limits stand at other nodes, as these have written it within the last second or so. */
export function limitsElsewhere(rows: Pick<ShareRows, 'of'>, self: Id): LimitsElsewhere {
  return async (organization, names) => {
    const byKey = new Map(names.map((name) => [keyOf(organization, name), name]));
    const found = new Map<string, LimitElsewhere>();
    for (const { key, home, usage, granted, confirmed } of await rows.of([...byKey.keys()])) {
      const name = byKey.get(key);
      if (home.node === self || name === undefined) continue;
      const sum = found.get(name);
      found.set(name, {
        ratePerSecond: (sum?.ratePerSecond ?? 0) + usage.ratePerSecond,
        concurrency: (sum?.concurrency ?? 0) + Math.min(granted.concurrency, confirmed.concurrency),
        inFlight: (sum?.inFlight ?? 0) + usage.inFlight,
        waiting: (sum?.waiting ?? 0) + usage.waiting,
      });
    }
    return found;
  };
}

/** By what the limit of this name is paced. */
function keyOf(organization: Id, name: string): string {
  const limit = parseLimitKey(name);
  return limit?.kind === 'destination'
    ? destinationKey(organization, limit.origin)
    : limitKey(organization, name);
}
