import { describe, expect, it } from 'vitest';
import { deliveryStatus, jobStatesOf, jobStatus, selfHostStatus } from './dialect.ts';
import { isFinalState, JOB_STATES, type JobStatus } from './job.ts';

describe('the words of each dialect', () => {
  it.each([
    ['pending', 'queued', 'racing', 'queued'],
    ['scheduled', 'queued', 'queued', 'queued'],
    ['processing', 'processing', 'racing', 'in_flight'],
    ['completed', 'success', 'success', 'completed'],
    ['failed', 'failed', 'failed', 'failed'],
    ['deadletter', 'failed', 'failed', 'failed'],
    ['cancelled', 'cancelled', 'cancelled', 'failed'],
  ] as const)('%s is %s, %s in a race, %s self-hosted', (state, plain, racing, selfHost) => {
    expect(jobStatus(state, false)).toBe(plain);
    expect(jobStatus(state, true)).toBe(racing);
    expect(selfHostStatus(state)).toBe(selfHost);
  });

  it('in a delivery are success and failed only', () => {
    const words = JOB_STATES.filter(isFinalState).map((state) => deliveryStatus(state));
    expect(words).toEqual(['success', 'failed', 'failed', 'failed']);
  });

  it('find every job again that they show', () => {
    const shown = JOB_STATES.flatMap((state) =>
      [true, false].map((racing): [JobStatus, string] => [jobStatus(state, racing), state]),
    );
    expect(shown.filter(([word, state]) => !jobStatesOf(word).some((s) => s === state))).toEqual(
      [],
    );
  });
});
