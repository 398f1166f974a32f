import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  admissionVerdict,
  drainedBy,
  type DrainRate,
  type ServerLoad,
} from './admission-verdict.ts';

const idle: ServerLoad = {
  memoryBytes: 0,
  storeBytes: 0,
  backlog: 0,
  accountBacklog: 0,
  drainPerSecond: 0,
  accountDrainPerSecond: 0,
};
const bounds = {
  memoryBytes: 1_000,
  storeBytes: 1_000,
  backlog: 100,
  organizationBacklog: 50,
  accountBacklog: 10,
};

describe('a new job', () => {
  it('is taken while there is room, up to the very bound', () => {
    const full = { ...idle, memoryBytes: 1_000, storeBytes: 1_000, backlog: 99, accountBacklog: 9 };
    expect(admissionVerdict(full, bounds)).toEqual({ verdict: 'accept' });
    const huge = { ...full, memoryBytes: 1e12, backlog: 1e9 };
    expect(admissionVerdict(huge, { memoryBytes: 0 })).toEqual({ verdict: 'accept' });
  });

  it.each<[Partial<ServerLoad>, string]>([
    [{ memoryBytes: 1_001, storeBytes: 1_001, backlog: 100 }, 'memory'],
    [{ storeBytes: 1_001, backlog: 100 }, 'db_size'],
    [{ backlog: 100, accountBacklog: 10 }, 'backlog'],
    [{ organizationBacklog: 50, accountBacklog: 10 }, 'organization_backlog'],
    [{ accountBacklog: 10 }, 'user_queue'],
  ])('is refused at %o because of %s', (load, reason) => {
    expect(admissionVerdict({ ...idle, ...load }, bounds)).toMatchObject({ reason });
  });

  it('is told how long it takes at the pace of late until there is room', () => {
    const load = { ...idle, backlog: 100, drainPerSecond: 0.25 };
    expect(admissionVerdict(load, bounds)).toMatchObject({ retryAfterSeconds: 8 });
    expect(admissionVerdict(load, bounds, { jobs: 11 })).toMatchObject({ retryAfterSeconds: 48 });
    const fast = { ...load, drainPerSecond: 1_000 };
    expect(admissionVerdict(fast, bounds)).toMatchObject({ retryAfterSeconds: 1 });
    const memory = { ...load, memoryBytes: 1_100 };
    expect(admissionVerdict(memory, bounds)).toMatchObject({
      reason: 'memory',
      retryAfterSeconds: 40,
    });
  });

  it('is told a plain wait where nothing drains, and never more than a minute', () => {
    const stuck = { ...idle, backlog: 100 };
    expect(admissionVerdict(stuck, bounds)).toMatchObject({ retryAfterSeconds: 5 });
    const slow = { ...stuck, drainPerSecond: 0.001 };
    expect(admissionVerdict(slow, bounds)).toMatchObject({ retryAfterSeconds: 60 });
  });

  it('finds room when it comes back after the wait, if the pace has held', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 1, max: 1_000, noNaN: true }),
        fc.integer({ min: 0, max: 40 }),
        (jobs, drainPerSecond, over) => {
          const load = { ...idle, backlog: 100 + over, drainPerSecond };
          const verdict = admissionVerdict(load, { backlog: 100 }, { jobs, maxSeconds: 1_000 });
          if (verdict.verdict === 'accept') throw new Error('there was no room');
          const left = Math.max(0, load.backlog - drainPerSecond * verdict.retryAfterSeconds);
          expect(admissionVerdict({ ...load, backlog: left }, { backlog: 100 }, { jobs })).toEqual({
            verdict: 'accept',
          });
        },
      ),
    );
  });
});

it('the pace at which jobs end is learned within a minute, and forgotten as well', () => {
  let rate: DrainRate | null = null;
  for (let second = 0; second < 120; second += 1) rate = drainedBy(rate, 40, second * 1_000);
  expect(rate?.perSecond).toBeGreaterThan(38);
  expect(rate?.perSecond).toBeLessThan(42);
  expect(drainedBy(rate, 0, 240_000).perSecond).toBeLessThan(1);
});
