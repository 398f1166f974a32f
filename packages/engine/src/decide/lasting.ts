import type { Leg } from '../job/run.ts';

type Lasting = Pick<
  Leg,
  'id' | 'path' | 'region' | 'triedRegions' | 'retries' | 'reroutes' | 'unknowns' | 'heldBack'
> &
  Partial<Pick<Leg, 'isHedge' | 'redirect'>>;

/**
 * What of a leg stays when its state changes. Field by field: leaving some out of a copy costs many times as
 * much, and each attempt does it twice.
 */
export function lasting(leg: Leg): Lasting {
  const { id, path, region, triedRegions, retries, reroutes, unknowns, heldBack } = leg;
  const { isHedge, redirect } = leg;
  const all = { id, path, region, triedRegions, retries, reroutes, unknowns, heldBack };
  if (isHedge === undefined && redirect === undefined) return all;
  return {
    ...all,
    ...(isHedge !== undefined && { isHedge }),
    ...(redirect !== undefined && { redirect }),
  };
}
