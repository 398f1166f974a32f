import { DEFAULT_PACE, lineRef, toJobSpec } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, it } from 'vitest';
import type { PutLine } from '../cluster/peers.ts';
import { type ActiveJob, activeJob } from './active-jobs.ts';
import { Armer } from './armer.ts';
import { Destinations } from './destinations.ts';
import { DISPATCH_LIMITS } from './dispatch-limits.ts';
import { LimitKeys } from './limit-keys.ts';
import { PaceMemory } from './pace-memory.ts';

const ORGANIZATION = '00000000-0000-7000-8000-000000000001';
const JOB = '00000000-0000-7000-8000-000000000002';
const API_KEY = '00000000-0000-7000-8000-000000000003';
const ORIGIN = 'https://a.test';

function waitingJob(readyAt: number): ActiveJob {
  const nothingYet = { triedRegions: [], retries: 0, reroutes: 0, unknowns: 0, heldBack: 0 };
  return activeJob({
    id: JOB,
    organization: ORGANIZATION,
    apiKey: API_KEY,
    spec: toJobSpec({ url: `${ORIGIN}/call` }),
    idempotentKey: 'key',
    parent: null,
    version: 1,
    wakeAt: null,
    run: {
      state: 'processing',
      acceptedAt: readyAt - 1_000,
      attempts: 1,
      legs: [{ ...nothingYet, id: 0, path: 0, region: 'local', state: 'waiting', readyAt }],
      paths: [{ state: 'idle' }],
      lastStartedPath: 0,
      end: null,
    },
  });
}

/** What an armer says of a call in line, which is due so many milliseconds from now by its job. */
async function toldOf(earlyMs: number): Promise<readonly (readonly [PutLine, number])[]> {
  const clock = new FakeClock();
  const onError = (error: unknown): never => expect.unreachable(String(error));
  const memory = new PaceMemory({ clock, most: 10, read: () => Promise.resolve(null), onError });
  const nothing = (): void => undefined;
  const destinations = new Destinations({
    clock,
    settings: () => DEFAULT_PACE,
    limits: DISPATCH_LIMITS,
    limitKeys: new LimitKeys({
      clock,
      rules: undefined,
      memory,
      shares: undefined,
      maxIdle: 10,
      onAllotted: nothing,
      onRecalled: nothing,
    }),
    caps: { of: () => null },
    memory,
    onRecalled: nothing,
    circuit: null,
    edits: undefined,
  });
  const told: [PutLine, number][] = [];
  const job = waitingJob(clock.now() + earlyMs);
  const armer = new Armer({
    parts: { clock, logger: { error: nothing, warn: nothing } },
    work: { ready: () => Promise.resolve([]) },
    limits: DISPATCH_LIMITS,
    active: { size: 0, with: (_, use) => use(job) },
    mover: { arm: () => Promise.resolve(null) },
    onArmed: nothing,
    onEarly: (line, ms) => told.push([line, ms]),
  });
  const lane = destinations.lane(ORGANIZATION, ORIGIN);
  lane.line.push(lineRef({ jobId: JOB, leg: 0, apiKey: API_KEY, userId: '', rank: 0 }));
  armer.open();
  armer.fill(lane);
  await clock.advance(0);
  return told;
}

describe('a call that stands in line and is not due by the clock of this node', () => {
  it('is looked at again when it is: the clock of the node that put it there is ahead', async () => {
    const line = { organization: ORGANIZATION, origin: ORIGIN, apiKey: API_KEY, userId: '' };
    expect(await toldOf(100)).toEqual([[line, 100]]);
    expect(await toldOf(10_000)).toEqual([[line, 10_000]]);
  });

  it('is left to its time where no clock is so wrong, or it was taken by somebody else', async () => {
    expect(await toldOf(10_001)).toEqual([]);
    expect(await toldOf(0)).toEqual([]);
  });
});
