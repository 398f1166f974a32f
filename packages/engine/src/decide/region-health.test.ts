import { describe, expect, it } from 'vitest';
import { EGRESS_ERRORS, type Outcome } from '../job/outcome.ts';
import { REFUSED, status, TIMEOUT, UNREACHABLE } from './job-script.test-support.ts';
import {
  afterRegionCall,
  afterRegionChoice,
  egressVerdict,
  healthyRegions,
  reachVerdict,
  type RegionHealth,
} from './region-health.ts';

const REGIONS = ['iad', 'fra', 'lax'];

function failing(regions: readonly string[], from = 0): RegionHealth {
  let health: RegionHealth = {};
  for (const region of regions) {
    for (let call = 0; call < 5; call += 1) {
      health = afterRegionCall(health, region, 'down', from + call * 500);
    }
  }
  return health;
}

describe('a region from which a destination cannot be reached', () => {
  it('is left out while others can, for this destination', () => {
    expect(healthyRegions(REGIONS, {}, 0)).toEqual(REGIONS);
    expect(healthyRegions(REGIONS, failing(['iad']), 3_000)).toEqual(['fra', 'lax']);
  });

  it('is tried by one call when its time has come, and then after twice the wait', () => {
    const health = failing(['iad']);
    expect(healthyRegions(REGIONS, health, 6_999)).toEqual(['fra', 'lax']);
    expect(healthyRegions(REGIONS, health, 7_000)).toEqual(REGIONS);
    const chosen = afterRegionChoice(health, 'iad', 7_000);
    expect(healthyRegions(REGIONS, chosen, 7_000)).toEqual(['fra', 'lax']);
    const again = afterRegionCall(chosen, 'iad', 'down', 7_100);
    expect(healthyRegions(REGIONS, again, 16_999)).toEqual(['fra', 'lax']);
    expect(healthyRegions(REGIONS, again, 17_000)).toEqual(REGIONS);
  });

  it('waits anew when a call that was not meant as the try fails as well', () => {
    const health = failing(['iad']);
    const again = afterRegionCall(health, 'iad', 'down', 7_100);
    expect(healthyRegions(REGIONS, again, 17_000)).toEqual(['fra', 'lax']);
    expect(healthyRegions(REGIONS, again, 17_100)).toEqual(REGIONS);
  });

  it('is as good as the others once it was reached, and out again at the first failure for a while', () => {
    const chosen = afterRegionChoice(failing(['iad']), 'iad', 7_000);
    const up = afterRegionCall(chosen, 'iad', reachVerdict(status(404)), 7_100);
    expect(healthyRegions(REGIONS, up, 7_100)).toEqual(REGIONS);
    const down = afterRegionCall(up, 'iad', 'down', 7_200);
    expect(healthyRegions(REGIONS, down, 7_200)).toEqual(['fra', 'lax']);
    expect(afterRegionCall(up, 'iad', 'up', 17_100)).toEqual({});
  });

  it('is no worse than the others when none can reach it: the destination is down', () => {
    expect(healthyRegions(REGIONS, failing(REGIONS), 3_000)).toEqual(REGIONS);
  });

  it('takes no memory while all is well', () => {
    expect(afterRegionCall({}, 'iad', 'up', 0)).toEqual({});
    expect(afterRegionChoice({}, 'iad', 0)).toEqual({});
    const once = afterRegionCall({}, 'iad', 'down', 0);
    expect(afterRegionCall(once, 'iad', 'up', 1)).toEqual({});
  });
});

describe('an outcome', () => {
  const failed: Outcome = { kind: 'network_error', code: EGRESS_ERRORS.failed, message: '' };
  const refused: Outcome = { kind: 'network_error', code: EGRESS_ERRORS.refused, message: '' };

  it.each([
    ['an answer', status(404), 'up', 'up'],
    ['a gateway that fails', status(502), 'up', 'down'],
    ['a target that cannot be reached', UNREACHABLE, 'silent', 'down'],
    ['a target that does not answer', TIMEOUT, 'silent', 'down'],
    ['a call that we would not send', REFUSED, 'silent', 'silent'],
    ['an egress that is down', failed, 'down', 'silent'],
    ['an egress that does not lead there', refused, 'up', 'down'],
  ])('of %s says who is to blame', (_name, outcome, egress, reach) => {
    expect([egressVerdict(outcome), reachVerdict(outcome)]).toEqual([egress, reach]);
  });
});
