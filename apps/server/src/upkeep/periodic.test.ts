import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { createPeriodic } from './periodic.ts';

function counting(round: () => Promise<unknown> = async () => {}) {
  const clock = new FakeClock();
  const seen = { rounds: 0, errors: [] as unknown[] };
  const service = createPeriodic({
    name: 'counter',
    clock,
    everyMs: 100,
    round: () => {
      seen.rounds += 1;
      return round();
    },
    onError: (error) => seen.errors.push(error),
  });
  return { clock, seen, service };
}

/** A promise that the test settles. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe('a periodic service', () => {
  test('runs once per interval while it is started', async () => {
    const { clock, seen, service } = counting();

    await clock.advance(1_000);
    expect(seen.rounds).toBe(0);
    await service.start();
    await clock.advance(99);
    expect(seen.rounds).toBe(0);
    await clock.advance(1);
    expect(seen.rounds).toBe(1);
    await clock.advance(200);
    expect(seen.rounds).toBe(3);
    await service.stop();
    await clock.advance(1_000);
    expect(seen.rounds).toBe(3);
  });

  test('started twice runs no more often', async () => {
    const { clock, seen, service } = counting();

    await Promise.all([service.start(), service.start()]);
    await service.start();
    await clock.advance(300);

    expect(seen.rounds).toBe(3);
  });

  test('may be stopped before it was started, twice, and started again', async () => {
    const { clock, seen, service } = counting();

    await service.stop();
    await service.start();
    await Promise.all([service.stop(), service.stop()]);
    await service.start();
    await clock.advance(100);

    expect(seen.rounds).toBe(1);
    expect(service.name).toBe('counter');
  });

  test('never runs two rounds at once, and counts the interval from the end', async () => {
    const { opened, open } = gate();
    const { clock, seen, service } = counting(() => opened);
    await service.start();

    await clock.advance(1_000);
    expect(seen.rounds).toBe(1);
    open();
    await clock.advance(99);
    expect(seen.rounds).toBe(1);
    await clock.advance(1);

    expect(seen.rounds).toBe(2);
  });

  test('stops only when the round under way has ended', async () => {
    const { opened, open } = gate();
    const { clock, service } = counting(() => opened);
    let isStopped = false;
    await service.start();
    await clock.advance(100);

    const stopped = service.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(1_000);
    expect(isStopped).toBe(false);
    open();
    await stopped;

    expect(clock.nextTimerIn()).toBeNull();
  });

  test('started again during the last round of before has one line of rounds', async () => {
    const { opened, open } = gate();
    const { clock, seen, service } = counting(() => opened);
    await service.start();
    await clock.advance(100);

    const stopped = service.stop();
    const started = service.start();
    open();
    await Promise.all([stopped, started]);
    await clock.advance(300);

    expect(seen.rounds).toBe(4);
  });

  test('goes on after a round that failed', async () => {
    const failure = new Error('no disk');
    const { clock, seen, service } = counting(() => Promise.reject(failure));
    await service.start();

    await clock.advance(200);

    expect(seen).toEqual({ rounds: 2, errors: [failure, failure] });
  });
});
