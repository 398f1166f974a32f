import { accept, createPace, DEFAULT_PACE, KeyPacer } from '@ezthrottle/engine';
import { API_KEY, newSpec, nextId, ORGANIZATION, ORIGIN } from '@ezthrottle/testkit/store-data';
import { expect, test } from 'vitest';
import { activeJob } from './active-jobs.ts';
import { RunningCalls } from './calls.ts';
import { destination } from './destination.ts';
import { lane } from './lane.ts';
import { LineWindow } from './line-window.ts';
import { Sender } from './sender.ts';

test('a call whose time comes while it is looked at is sent all the same', () => {
  let now = 0;
  const timers: number[] = [];
  const spec = newSpec();
  const { run } = accept(spec, { now: 0, liveRegions: 'any' });
  const job = activeJob({
    id: nextId(),
    organization: ORGANIZATION.id,
    apiKey: API_KEY.id,
    spec,
    run,
    version: 1,
    wakeAt: null,
    idempotentKey: 'key',
    parent: null,
  });
  const settings = { ...DEFAULT_PACE, ratePerSecond: 10, configured: true };
  const pacer = new KeyPacer({
    key: 'key',
    pace: createPace(settings, 0),
    learns: true,
    circuit: null,
    countsArrivals: false,
  });
  // The next may go in less time than passes between two looks at the clock.
  pacer.pace = { ...pacer.pace, arrivesAt: 7 };
  const place = { key: 'key', organization: ORGANIZATION.id, origin: ORIGIN };
  const budget = { held: 0, perAccount: 1, total: 1 };
  const waiting = lane(ORIGIN, destination(place, pacer), [], new LineWindow(budget));
  waiting.armed.push({ jobId: job.id, leg: 0, attempt: 1, token: 'token' }, API_KEY.id);
  const sender = new Sender({
    parts: {
      clock: {
        now: () => now,
        monotonic: () => {
          now += 1;
          return now;
        },
        after: (delayMs) => {
          timers.push(delayMs);
          return () => undefined;
        },
      },
      executor: { run() {}, abort() {}, onSent() {}, onReports() {}, close: async () => undefined },
      notices: { publish() {}, isWatched: () => false },
    },
    calls: new RunningCalls(),
    starter: { jobOf: () => job, start: () => null },
    limited: { offer() {}, run() {}, tell: () => null },
    onTime: () => undefined,
  });

  sender.send(waiting);

  expect(waiting.armed).toHaveLength(1);
  expect(timers).toEqual([0]);
});
