import { type CircuitPolicy, DEFAULT_CIRCUIT, type LiveRegions } from '@ezthrottle/engine';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { createRegionWatch, type RegionWatch } from '../regions/region-watch.ts';

/** When destinations and regions are taken for down. One region has none to give way to. */
export function regionsOf(config: Config): {
  readonly circuit: CircuitPolicy | null;
  readonly liveRegions: LiveRegions;
  readonly regions: RegionWatch | undefined;
} {
  const policy: CircuitPolicy = {
    failures: config.circuitFailures,
    spanMs: config.circuitWindowMs,
    probeAfterMs: config.circuitOpenMs,
    maxProbeAfterMs: Math.max(config.circuitOpenMs, config.circuitMaxOpenMs),
    rampMs: config.circuitRampMs,
  };
  const circuit = policy.failures === 0 ? null : policy;
  if (config.regions === 'any') return { circuit, liveRegions: 'any', regions: undefined };
  const names = config.regions.map(({ name }) => name);
  const options = { regions: names, clock: systemClock, policy: circuit ?? DEFAULT_CIRCUIT };
  return { circuit, liveRegions: names, regions: createRegionWatch(options) };
}
