import { describe, expect, it } from 'vitest';
import { toJobSpec } from '../admit/to-job-spec.ts';
import type { Leg, RunState } from '../job/run.ts';
import { armLeg } from './arm-leg.ts';

const T0 = 1_800_000_000_000;
const spec = toJobSpec({ url: 'https://api.example.com/call' });

/** A job that was accepted at `T0`, with one leg that waits until then. */
function waitingUntil(readyAt: number): { readonly spec: typeof spec; readonly run: RunState } {
  const leg: Leg = {
    id: 0,
    path: 0,
    region: 'local',
    triedRegions: [],
    retries: 0,
    reroutes: 0,
    unknowns: 0,
    heldBack: 0,
    state: 'waiting',
    readyAt,
  };
  return {
    spec,
    run: {
      state: 'pending',
      acceptedAt: T0,
      attempts: 0,
      legs: [leg],
      paths: [{ state: 'idle' }],
      lastStartedPath: 0,
      end: null,
    },
  };
}

const isArmed = (readyAt: number, now: number): boolean =>
  armLeg(waitingUntil(readyAt), 0, 'token', now) !== null;

describe('a call', () => {
  it('is not made before its time', () => {
    expect(isArmed(T0 + 5_000, T0 + 4_999)).toBe(false);
    expect(isArmed(T0 + 5_000, T0 + 5_000)).toBe(true);
  });

  it('that was due when its job was accepted does not wait for a clock that is behind that of the accepting node', () => {
    expect(isArmed(T0, T0 - 600_000)).toBe(true);
    expect(isArmed(T0 + 1, T0 - 600_000)).toBe(false);
  });
});
