import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { Journal, type Turn } from './journal.ts';

function journal(): { clock: FakeClock; journal: Journal; turns: Turn[] } {
  const clock = new FakeClock();
  const turns: Turn[] = [];
  return { clock, journal: new Journal(clock, (turn) => turns.push(turn)), turns };
}

/** Until what has come in has had its turn, and that is over. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('a journal', () => {
  test('lets in together what came together, at one moment that stands still until all is done', async () => {
    const made = journal();
    const seen: number[] = [];
    const look = (): void => {
      seen.push(made.journal.clock.monotonic());
    };
    made.journal.enter(['stop'], () => {
      look();
      void Promise.resolve().then(look);
    });
    made.journal.enter(['sent', 1], look);
    expect(seen).toEqual([]);
    await settled();
    expect(new Set(seen).size).toBe(1);
    expect(seen).toHaveLength(3);
    expect(made.turns.map(({ inputs }) => inputs)).toEqual([[['stop'], ['sent', 1]]]);
  });

  test('counts timers from the first, and knows nothing of those that were stopped in time', async () => {
    const made = journal();
    const rung: string[] = [];
    const { clock } = made.journal;
    let stop: () => void = () => undefined;
    clock.after(5, () => {
      rung.push('first');
      // It has gone off, and its turn has not come yet.
      stop();
    });
    stop = clock.after(5, () => rung.push('second'));
    clock.after(5, () => rung.push('third'));
    await made.clock.advance(5);
    await settled();
    expect(rung).toEqual(['first', 'third']);
    expect(made.turns.flatMap(({ inputs }) => inputs)).toEqual([
      ['timer', 1],
      ['timer', 3],
    ]);
  });

  test('notes answers only where they are not the usual ones', async () => {
    const made = journal();
    made.journal.enter(['start'], () => {
      made.journal.draw(false, false);
      made.journal.draw(true, false);
    });
    await settled();
    expect(made.turns[0]?.draws).toEqual([[2, true]]);
  });
});
