import type { LineRef } from '@ezthrottle/engine';
import { lineRef } from '@ezthrottle/engine';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineWindow } from './line-window.ts';
import type { LinePlace, WindowBudget } from './line-window.ts';

function ref(jobId: string, rank: number, account = 'a'): LineRef {
  return lineRef({ jobId, leg: 0, apiKey: 'key', userId: account, rank });
}

function budget(perAccount: number, total = 1_000): WindowBudget {
  return { held: 0, perAccount, total };
}

/** The part of a store that a window reads: rows in the order of (rank, arrival). */
class Backlog {
  readonly #rows = new Map<string, LineRef>();
  readonly #arrivals = new Map<string, number>();

  get size(): number {
    return this.#rows.size;
  }

  add(row: LineRef): void {
    this.#rows.set(row.id, row);
    this.#arrivals.set(row.jobId, this.#arrivals.size);
  }

  remove(id: string): void {
    this.#rows.delete(id);
  }

  read(userId: string, after: LinePlace | null, limit: number): readonly LineRef[] {
    return [...this.#rows.values()]
      .filter((row) => row.userId === userId && (after === null || this.#order(row, after) > 0))
      .sort((first, second) => this.#order(first, second))
      .slice(0, limit);
  }

  #order(first: LinePlace, second: LinePlace): number {
    return (
      first.rank - second.rank ||
      (this.#arrivals.get(first.jobId) ?? 0) - (this.#arrivals.get(second.jobId) ?? 0) ||
      first.leg - second.leg
    );
  }
}

describe('the front of a line in memory', () => {
  test('holds no more of an account than the window, the rest stays in the store', () => {
    const held = budget(3);
    const window = new LineWindow(held);
    for (const rank of [5, 1, 4, 2, 3]) window.push(ref(`job ${rank}`, rank));
    expect(window.size).toBe(3);
    expect(held.held).toBe(3);
    expect(
      [window.next(), window.next(), window.next(), window.next()].map((one) => one?.rank),
    ).toEqual([1, 2, 3, undefined]);
    expect(window.isEmpty).toBe(false);
    expect(window.takeHungry(10)).toHaveLength(1);
  });

  test('reads on behind what it has, until the store has no more', () => {
    const window = new LineWindow(budget(2));
    for (const rank of [1, 2, 3]) window.push(ref(`job ${rank}`, rank));
    window.next();
    window.next();
    const [refill] = window.takeHungry(10);
    expect(refill).toEqual({
      account: { apiKey: 'key', userId: 'a' },
      after: { rank: 2, jobId: 'job 3', leg: 2_147_483_647 },
    });
    window.refilled({ apiKey: 'key', userId: 'a' }, [ref('job 3', 3)], true);
    expect(window.next()?.rank).toBe(3);
    expect(window.isEmpty).toBe(true);
  });

  test('reads once more when a row came during the reading', () => {
    const window = new LineWindow(budget(4));
    const account = { apiKey: 'key', userId: 'a' };
    window.addBacklog(account);
    window.takeHungry(1);
    window.push(ref('meanwhile', 9));
    window.refilled(account, [], true);
    expect(window.takeHungry(1)).toHaveLength(1);
    window.refilled(account, [ref('meanwhile', 9)], true);
    expect(window.next()?.jobId).toBe('meanwhile');
  });

  test('once memory is full over all lines, each account keeps a few', () => {
    const window = new LineWindow(budget(64, 10));
    for (const account of ['a', 'b', 'c']) {
      for (let job = 0; job < 20; job += 1) window.push(ref(`${account} ${job}`, job, account));
    }
    expect(window.size).toBeLessThanOrEqual(20);
    const accounts = new Set([...window.entries()].map(({ userId }) => userId));
    expect(accounts.size).toBe(3);
  });
});

type Move =
  | { readonly move: 'arrive'; readonly account: string; readonly rank: number }
  | { readonly move: 'serve' }
  | { readonly move: 'begin reading' }
  | { readonly move: 'end reading' };

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        move: fc.constant('arrive' as const),
        account: fc.constantFrom('a', 'b'),
        rank: fc.integer({ min: 0, max: 6 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ move: fc.constant('serve' as const) }) },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('begin reading' as const) }) },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('end reading' as const) }) },
  ),
  { maxLength: 120 },
);

test('whatever order things come in, everybody in the backlog is served', () => {
  fc.assert(
    fc.property(moves, fc.integer({ min: 1, max: 5 }), (script, perAccount) => {
      const window = new LineWindow(budget(perAccount));
      const backlog = new Backlog();
      let reading: { account: { apiKey: string; userId: string }; rows: readonly LineRef[] }[] = [];
      const serve = (): boolean => {
        const next = window.next();
        // A hint may be stale: it is looked up, and passed over when it is gone.
        if (next !== null) backlog.remove(next.id);
        return next !== null;
      };
      const beginReading = (): void => {
        for (const { account, after } of window.takeHungry(10)) {
          reading.push({ account, rows: backlog.read(account.userId, after, perAccount) });
        }
      };
      const endReading = (): void => {
        for (const { account, rows } of reading) {
          window.refilled(account, rows, rows.length < perAccount);
        }
        reading = [];
      };
      script.forEach((step, index) => {
        if (step.move === 'arrive') {
          // Ids say nothing about the order of arrival.
          const arrived = ref(`job ${(index * 7919) % 1_009}`, step.rank, step.account);
          backlog.add(arrived);
          window.push(arrived);
        } else if (step.move === 'serve') serve();
        else if (step.move === 'begin reading') beginReading();
        else endReading();
      });
      for (let round = 0; round < 1_000 && backlog.size > 0; round += 1) {
        while (serve());
        beginReading();
        endReading();
      }
      expect(backlog.size).toBe(0);
    }),
    { numRuns: 500 },
  );
});
