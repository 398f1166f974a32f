import { DEFAULT_CIRCUIT, type Id, type Outcome } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { createRegionWatch, type RegionWatch } from './region-watch.ts';

const ORGANIZATION: Id = '00000000-0000-7000-8000-000000000001';
const OTHER: Id = '00000000-0000-7000-8000-000000000002';
const A = 'https://a.test';
const B = 'https://b.test';
const REGIONS = ['iad', 'fra'];
const OK: Outcome = { kind: 'response', status: 200, headers: {} };
const DOWN: Outcome = { kind: 'network_error', code: 'unreachable', message: '' };
const EGRESS: Outcome = { kind: 'network_error', code: 'egress_failed', message: '' };

let clock: FakeClock;
let watch: RegionWatch;
beforeEach(() => {
  clock = new FakeClock();
  watch = watching();
});

function watching(mostDestinations = 100): RegionWatch {
  const options = { regions: () => REGIONS, clock, policy: DEFAULT_CIRCUIT, mostDestinations };
  return createRegionWatch(options);
}

async function fail(outcome: Outcome, origin: string, region = 'iad'): Promise<void> {
  for (let call = 0; call < 5; call += 1) {
    watch.after(ORGANIZATION, origin, region, outcome);
    await clock.advance(300);
  }
}

const of = (origin: string, organization = ORGANIZATION): readonly string[] =>
  watch.reachable(organization, origin, REGIONS);

describe('the watch over regions', () => {
  test('leaves a region out for the destination that is not reached from there, and for no other', async () => {
    expect(watch.isTroubled).toBe(false);
    await fail(DOWN, A);
    expect([of(A), of(B), of(A, OTHER)]).toEqual([['fra'], REGIONS, REGIONS]);
    expect(watch.states()).toEqual([
      { name: 'iad', state: 'up', unreachable: 1 },
      { name: 'fra', state: 'up', unreachable: 0 },
    ]);
  });

  test('leaves a region out for all when its egress fails, whatever was called', async () => {
    for (let call = 0; call < 5; call += 1) await fail(EGRESS, `https://${call}.test`);
    expect([of(A), of(B)]).toEqual([['fra'], ['fra']]);
    expect(watch.states()[0]).toEqual({ name: 'iad', state: 'down', unreachable: 0 });
  });

  test('has it tried by one call at a time until one gets through', async () => {
    await fail(EGRESS, A);
    await clock.advance(5_000);
    expect(of(B)).toEqual(REGIONS);
    watch.chosen(ORGANIZATION, B, 'iad');
    expect([of(A), of(B)]).toEqual([['fra'], ['fra']]);
    watch.after(ORGANIZATION, B, 'iad', EGRESS);
    await clock.advance(9_999);
    expect(of(B)).toEqual(['fra']);
    await clock.advance(1);
    expect(of(B)).toEqual(REGIONS);
    watch.chosen(ORGANIZATION, B, 'iad');
    watch.after(ORGANIZATION, B, 'iad', OK);
    expect([of(A), watch.states()[0]?.state]).toEqual([REGIONS, 'coming_back']);
    await clock.advance(10_000);
    watch.after(ORGANIZATION, A, 'iad', OK);
    expect(watch.isTroubled).toBe(false);
  });

  test('blames no region when none gets through', async () => {
    await fail(DOWN, A, 'iad');
    await fail(DOWN, A, 'fra');
    expect(of(A)).toEqual(REGIONS);
  });

  test('remembers so many destinations and not more, those that it heard of last', async () => {
    watch = watching(2);
    for (const name of ['a', 'b', 'c']) await fail(DOWN, `https://${name}.test`);
    expect(['a', 'b', 'c'].map((name) => of(`https://${name}.test`).length)).toEqual([2, 1, 1]);
  });
});
