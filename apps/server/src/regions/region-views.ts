import type { Regions } from '../config/region-rules.ts';
import type { Egress } from '../net/egress.ts';
import type { RegionState, RegionWatch } from './region-watch.ts';

/** A region as `GET /health` shows it: not where its proxy is, and nobody's targets. */
export interface RegionView {
  readonly name: string;
  /** `node`: from other nodes. */
  readonly egress: Egress['kind'] | 'node';
  readonly state: RegionState['state'];
  /** Destinations that are not reached from here. */
  readonly unreachable: number;
}

/** At most as many as may be configured. */
export function regionViews(
  regions: Regions,
  watch: Pick<RegionWatch, 'states'> | undefined,
): 'any' | readonly RegionView[] {
  const states = watch?.states() ?? [];
  if (states.length === 0) return 'any';
  const own = new Map(regions === 'any' ? [] : regions.map(({ name, egress }) => [name, egress]));
  return states.map((state) => ({ ...state, egress: own.get(state.name)?.kind ?? 'node' }));
}
