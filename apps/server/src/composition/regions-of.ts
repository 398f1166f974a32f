import { type CircuitPolicy, DEFAULT_CIRCUIT, type LiveRegions } from '@ezthrottle/engine';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { createRegionWatch, type RegionWatch } from '../regions/region-watch.ts';

/**
 * When destinations and regions are taken for down. One region has none to give way to.
 *
 * @param elsewhere Regions of other nodes at this moment; null: there are no others.
 */
export function regionsOf(
  config: Config,
  elsewhere: (() => readonly string[]) | null,
): {
  readonly circuit: CircuitPolicy | null;
  readonly liveRegions: () => LiveRegions;
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
  const own = config.regions === 'any' ? [] : config.regions.map(({ name }) => name);
  if (own.length === 0 && elsewhere === null) {
    return { circuit, liveRegions: () => 'any', regions: undefined };
  }
  const all = elsewhere === null ? () => own : () => [...new Set([...own, ...elsewhere()])];
  const watch = { regions: all, clock: systemClock, policy: circuit ?? DEFAULT_CIRCUIT };
  return {
    circuit,
    liveRegions: () => {
      const names = all();
      return names.length === 0 ? 'any' : names;
    },
    regions: createRegionWatch(watch),
  };
}
