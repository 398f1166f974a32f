import { LIMIT_BOUNDS, type LimitKey, type LimitSettingsRequest } from '@ezthrottle/core/protocol';
import type { LimitSpec } from '../job/job-spec.ts';
import { DEFAULT_PACE, type PaceSettings } from './pace-settings.ts';

/** A limit as pacing takes it. */
export interface LimitSettings extends Pick<LimitSpec, 'settleHeader' | 'settlePath'> {
  readonly kind: LimitKey['kind'];
  readonly pace: PaceSettings;
  /** Whether answers of targets move its rate. A pause that an answer asks for holds in any case. */
  readonly adaptive: boolean;
  /** Stopped by hand until then, in milliseconds since the epoch; Infinity: until that is taken back. */
  readonly pausedUntil: number | null;
}

/**
 * What a limit that was checked means.
 *
 * @param base What holds for the destination where the limit says nothing. Of no matter for others.
 */
export function limitSettings(
  kind: LimitKey['kind'],
  said: LimitSettingsRequest,
  base: PaceSettings = DEFAULT_PACE,
): LimitSettings {
  const { settle_header: header, settle_path: path } = said;
  const adaptive = said.adaptive ?? isAdaptive(kind);
  return {
    kind,
    adaptive,
    pace: paceOf(kind, said, adaptive, base),
    pausedUntil: said.paused === true ? Number.POSITIVE_INFINITY : (said.paused_until ?? null),
    ...(header !== undefined && { settleHeader: header.toLowerCase() }),
    ...(path !== undefined && { settlePath: path }),
  };
}

/** Whether answers move a limit's rate where nothing is said. */
export function isAdaptive(kind: LimitKey['kind']): boolean {
  return kind === 'destination';
}

/** A rate in units of a limit, by the second. */
export function perSecond(rate: number, periodMs: number): number {
  // Divided by whole seconds, a rate by the second stays what it is to the last bit.
  return rate / (periodMs / 1_000);
}

/** Period of a rate where none is said, in milliseconds. */
export const DEFAULT_PERIOD_MS = 1_000;

function paceOf(
  kind: LimitKey['kind'],
  said: LimitSettingsRequest,
  adaptive: boolean,
  base: PaceSettings,
): PaceSettings {
  const periodMs = said.per_ms ?? DEFAULT_PERIOD_MS;
  const isDestination = kind === 'destination';
  const concurrency =
    said.concurrency ?? (isDestination ? base.concurrency : LIMIT_BOUNDS.concurrency);
  if (said.rate === undefined) {
    return isDestination ? { ...base, concurrency } : withoutRate(concurrency);
  }
  const rate = perSecond(said.rate, periodMs);
  const floor =
    said.floor === undefined ? DEFAULT_PACE.floorPerSecond : perSecond(said.floor, periodMs);
  const ceiling = said.ceiling === undefined ? rate : perSecond(said.ceiling, periodMs);
  return {
    ratePerSecond: rate,
    burst: said.burst ?? DEFAULT_PACE.burst,
    concurrency,
    floorPerSecond: adaptive ? Math.min(rate, floor) : rate,
    maxPerSecond: adaptive ? ceiling : rate,
    configured: true,
    allowRaise: adaptive && ceiling > rate,
  };
}

/** Whether only calls at the same time are bounded. */
export function isWithoutRate({ ratePerSecond }: Pick<PaceSettings, 'ratePerSecond'>): boolean {
  return ratePerSecond >= LIMIT_BOUNDS.rate;
}

/** Only calls at the same time are bounded. */
function withoutRate(concurrency: number): PaceSettings {
  const rate = LIMIT_BOUNDS.rate;
  return {
    ratePerSecond: rate,
    burst: LIMIT_BOUNDS.burst,
    concurrency,
    floorPerSecond: rate,
    maxPerSecond: rate,
    configured: true,
    allowRaise: false,
  };
}
