import { memberPath, type Problem } from '@ezthrottle/core/protocol';
import type { JsonObject } from './json-object.ts';

/** One moment for the second call, and only where a second call can stand in for the first. */
export function checkHedge(job: JsonObject, path: string): Problem[] {
  const { hedge_after_ms: afterMs, hedge_percentile: percentile, execution_mode: mode } = job;
  const name = afterMs === undefined ? 'hedge_percentile' : 'hedge_after_ms';
  if (afterMs !== undefined && percentile !== undefined) {
    return [
      {
        path: memberPath(path, 'hedge_percentile'),
        message: 'is given beside hedge_after_ms',
        expected: 'one of them',
      },
    ];
  }
  if (afterMs === undefined && percentile === undefined) {
    if (job['hedge_budget_percent'] === undefined) return [];
    return [
      {
        path: memberPath(path, 'hedge_budget_percent'),
        message: 'bounds second calls, but none is asked for',
        expected: 'hedge_after_ms or hedge_percentile beside it',
      },
    ];
  }
  if (mode !== 'fanout') return [];
  return [
    {
      path: memberPath(path, name),
      message: 'cannot be used with execution_mode fanout, where every call counts',
      expected: 'race or failover, or no hedge',
    },
  ];
}
