import { describe, expect, test } from 'vitest';
import { runChaos } from './chaos.ts';

/** Calls a second to each target, with one as burst. */
const RATE = 12;
/** Calls of a paused node that were on their way to its sockets: as many as may run at one target. */
const ON_THEIR_WAY = 16;

describe('three nodes under kill -9, SIGSTOP, SIGTERM, database restarts and cut connections', () => {
  test.each([
    { notifies: true, seed: 3 },
    { notifies: false, seed: 7 },
  ])(
    'lose no accepted job, send no attempt twice and keep the pace (nodes tell each other: $notifies)',
    async ({ notifies, seed }) => {
      const report = await runChaos({
        seed,
        notifies,
        nodes: 3,
        forMs: 15_000,
        faultEveryMs: 2_500,
        pauseMs: 7_000,
        faults: ['kill', 'pause', 'restart_database', 'cut_connections', 'stop'],
        submitsPerSecond: 25,
        targetRate: RATE,
      });
      expect(report.accepted).toBeGreaterThan(100);
      expect(report.lost).toEqual([]);
      expect(report.sentTwice).toEqual([]);
      expect(report.unaccounted).toEqual([]);
      expect(report.mostInOneSecond).toBeLessThanOrEqual(RATE + 1 + ON_THEIR_WAY);
    },
    150_000,
  );
});
