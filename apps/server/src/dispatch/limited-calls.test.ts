import { accept, createPace, DEFAULT_PACE, KeyPacer } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { API_KEY, newSpec, nextId, ORGANIZATION, ORIGIN } from '@ezthrottle/testkit/store-data';
import { expect, test } from 'vitest';
import { activeJob } from './active-jobs.ts';
import { RunningCalls } from './calls.ts';
import { destination } from './destination.ts';
import { lane, type Lane } from './lane.ts';
import { LimitedCalls } from './limited-calls.ts';
import { LineWindow } from './line-window.ts';
import { Sender } from './sender.ts';

test('a call of a part is sent once, also when the other parts have gone while it waited', async () => {
  const clock = new FakeClock();
  const spec = newSpec();
  const { run } = accept(spec, { now: clock.now(), liveRegions: 'any' });
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
  const settings = {
    ...DEFAULT_PACE,
    ratePerSecond: 10,
    burst: 1,
    concurrency: 100,
    configured: true,
  };
  const pacer = new KeyPacer({
    key: 'key',
    pace: createPace(settings, clock.monotonic()),
    learns: true,
    circuit: null,
    countsArrivals: false,
  });
  const place = { key: 'key', organization: ORGANIZATION.id, origin: ORIGIN };
  const divided = destination(place, pacer);
  const window = () => new LineWindow({ held: 0, perAccount: 1, total: 1 });
  const first = lane(`${ORIGIN}#1`, divided, [], window());
  const second = lane(`${ORIGIN}#2`, divided, [], window());
  divided.lanes.set(first.name, first);
  divided.lanes.set(second.name, second);

  const sent: string[] = [];
  let armed = 0;
  const parts = {
    clock,
    executor: { run() {}, abort() {}, onSent() {}, onReports() {}, close: async () => undefined },
    notices: { publish() {}, isWatched: () => false },
  };
  const starter = {
    jobOf: () => job,
    start: (_: unknown, { token }: { readonly token: string }) => {
      sent.push(token);
      return null;
    },
  };
  const onSent = (one: Lane): void => sender.send(one);
  const pacerOf = () => pacer;
  const limited = new LimitedCalls({ parts, starter, pacerOf, fairness: {}, onSent });
  const sender = new Sender({ parts, calls: new RunningCalls(), starter, limited, onTime: onSent });
  const arm = (token: string): void => {
    first.armed.push({ jobId: job.id, leg: 0, attempt: (armed += 1), token }, API_KEY.id);
    sender.send(first);
  };

  for (const token of ['a', 'b']) arm(token);
  // It was idle, and is forgotten.
  divided.lanes.delete(second.name);
  for (const token of ['c', 'd', 'e']) arm(token);
  await clock.advance(150);
  expect(sent).toEqual(['a', 'b']);
  // Its home was let have more of the pace.
  pacer.pace = createPace({ ...settings, ratePerSecond: 1_000, burst: 10 }, clock.monotonic());
  limited.wake('key');
  sender.send(first);
  await clock.advance(2_000);

  expect(sent).toEqual(['a', 'b', 'c', 'd', 'e']);
});
