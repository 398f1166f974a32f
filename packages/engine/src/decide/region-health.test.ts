import { describe, expect, it } from 'vitest';
import { status, UNREACHABLE } from './job-script.test-support.ts';
import { afterRegionCall, healthyRegions, type RegionHealth } from './region-health.ts';

const REGIONS = ['iad', 'fra', 'lax'];

function failing(regions: readonly string[], from = 0): RegionHealth {
  let health: RegionHealth = {};
  for (const region of regions) {
    for (let call = 0; call < 5; call += 1) {
      health = afterRegionCall(health, region, UNREACHABLE, from + call * 500);
    }
  }
  return health;
}

describe('a region from which a destination cannot be reached', () => {
  it('is left out while others can, for this destination', () => {
    expect(healthyRegions(REGIONS, {}, 0)).toEqual(REGIONS);
    expect(healthyRegions(REGIONS, failing(['iad']), 3_000)).toEqual(['fra', 'lax']);
  });

  it('comes last when its time for another try has come, and is out again when that fails', () => {
    const health = failing(['iad']);
    expect(healthyRegions(REGIONS, health, 7_000)).toEqual(['fra', 'lax', 'iad']);
    const again = afterRegionCall(health, 'iad', UNREACHABLE, 7_100);
    expect(healthyRegions(REGIONS, again, 17_000)).toEqual(['fra', 'lax']);
    expect(healthyRegions(REGIONS, again, 17_100)).toEqual(['fra', 'lax', 'iad']);
  });

  it('is as good as the others some time after it was reached', () => {
    const up = afterRegionCall(failing(['iad']), 'iad', status(404), 7_100);
    expect(healthyRegions(REGIONS, up, 7_100)).toEqual(['fra', 'lax', 'iad']);
    const well = afterRegionCall(up, 'iad', status(200), 17_100);
    expect(well).toEqual({});
    expect(healthyRegions(REGIONS, well, 17_100)).toEqual(REGIONS);
  });

  it('is no worse than the others when none can reach it: the destination is down', () => {
    expect(healthyRegions(REGIONS, failing(REGIONS), 3_000)).toEqual(REGIONS);
  });

  it('takes no memory while all is well', () => {
    expect(afterRegionCall({}, 'iad', status(200), 0)).toEqual({});
    const once = afterRegionCall({}, 'iad', UNREACHABLE, 0);
    expect(afterRegionCall(once, 'iad', status(200), 1)).toEqual({});
  });
});
