import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { createVacuum, type TableRows } from './vacuum.ts';

/** One table; what is held back stays dead whatever is done. */
function table(rows: Omit<TableRows, 'table'>, heldBack = 0) {
  const clock = new FakeClock();
  const state = { ...rows, heldBack, cleared: 0, failing: false, errors: [] as unknown[] };
  const vacuum = createVacuum({
    clock,
    tables: {
      rows: () =>
        state.failing
          ? Promise.reject(new Error('no answer'))
          : Promise.resolve([{ table: 'runs', live: state.live, dead: state.dead }]),
      vacuum: () => {
        state.cleared += 1;
        state.dead = Math.min(state.dead, state.heldBack);
        return Promise.resolve();
      },
    },
    onError: (error) => state.errors.push(error),
  });
  return { clock, state, vacuum };
}

describe('dead rows', () => {
  test.each([
    { live: 0, dead: 10_000, cleared: ['runs'] },
    { live: 0, dead: 9_999, cleared: [] },
    { live: 100_000, dead: 50_000, cleared: ['runs'] },
    { live: 100_000, dead: 49_999, cleared: [] },
    { live: 500_001, dead: 5_000_000, cleared: [] },
  ])(
    'are cleared where there are many beside those that live, in tables that are not large ($live live, $dead dead)',
    async ({ cleared, ...rows }) => {
      expect(await table(rows).vacuum.runOnce()).toEqual(cleared);
    },
  );

  test('that a transaction holds back are tried at twice their number, and as before once it has ended', async () => {
    const { state, vacuum } = table({ live: 0, dead: 20_000 }, 20_000);
    const rounds: number[] = [];
    for (state.dead = 20_000; state.dead <= 200_000; state.dead += 10_000) {
      state.heldBack = state.dead;
      if ((await vacuum.runOnce()).length > 0) rounds.push(state.dead);
    }
    expect(rounds).toEqual([20_000, 40_000, 80_000, 160_000]);
    state.heldBack = 0;
    state.dead = 320_000;
    expect(await vacuum.runOnce()).toEqual(['runs']);
    state.dead = 10_000;
    expect(await vacuum.runOnce()).toEqual(['runs']);
  });

  test('that autovacuum has cleared meanwhile are held back no more', async () => {
    const { state, vacuum } = table({ live: 0, dead: 100_000 }, 100_000);
    await vacuum.runOnce();
    state.dead = 1_000;
    expect(await vacuum.runOnce()).toEqual([]);
    state.dead = 12_000;
    expect(await vacuum.runOnce()).toEqual(['runs']);
  });

  test('are looked for every five seconds, also after the database has not answered', async () => {
    const { clock, state, vacuum } = table({ live: 0, dead: 30_000 });
    await vacuum.start();
    state.failing = true;
    await clock.advance(5_000);
    expect([state.cleared, state.errors.length]).toEqual([0, 1]);
    state.failing = false;
    await clock.advance(4_999);
    expect(state.cleared).toBe(0);
    await clock.advance(1);
    expect(state.cleared).toBe(1);
    await vacuum.stop();
  });
});
