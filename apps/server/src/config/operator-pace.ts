import { LIMIT_BOUNDS } from '@ezthrottle/core/protocol';
import { DEFAULT_PACE, type PaceSettings } from '@ezthrottle/engine';
import type { Config } from '../config.ts';

/** The pace of a destination of which its organization says nothing. */
export function operatorPace({ rates }: Pick<Config, 'rates'>, origin: string): PaceSettings {
  const rule = rates[origin];
  if (rule === undefined) return DEFAULT_PACE;
  return {
    ...DEFAULT_PACE,
    ratePerSecond: rule.requestsPerSecond,
    burst: rule.burst ?? DEFAULT_PACE.burst,
    concurrency: rule.concurrency ?? DEFAULT_PACE.concurrency,
    configured: true,
    allowRaise: rule.allowRaise,
  };
}

/** What all organizations together may send, by origin. */
export function operatorCaps({ caps }: Pick<Config, 'caps'>): ReadonlyMap<string, PaceSettings> {
  return new Map(
    Object.entries(caps).map(([origin, { requestsPerSecond, burst, concurrency }]) => [
      origin,
      {
        ...DEFAULT_PACE,
        ratePerSecond: requestsPerSecond,
        maxPerSecond: requestsPerSecond,
        burst: burst ?? DEFAULT_PACE.burst,
        concurrency: concurrency ?? LIMIT_BOUNDS.concurrency,
        configured: true,
      },
    ]),
  );
}
