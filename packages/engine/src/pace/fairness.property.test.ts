import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairLine, type FairLineOptions, type LineEntry } from './fair-line.ts';

function entry(id: string, apiKey: string, userId = ''): LineEntry {
  return { id, apiKey, userId, rank: 0 };
}

/** One entry is served in each interval; the quiet account asks now and then. Its waits, in intervals. */
function waitsOf(
  line: FairLine<LineEntry>,
  turns: number,
  arrivals: (turn: number) => number,
  refill: (served: LineEntry, turn: number) => void = () => {},
): readonly number[] {
  const since = new Map<string, number>();
  const waits: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    for (let ask = 0; ask < arrivals(turn); ask += 1) {
      const id = `quiet ${turn} ${ask}`;
      since.set(id, turn);
      line.push(entry(id, 'quiet'));
    }
    const served = line.next();
    if (served === null) continue;
    const asked = since.get(served.id);
    if (asked === undefined) refill(served, turn);
    else waits.push(turn - asked + 1);
  }
  return waits;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((first, second) => first - second);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
}

describe('a quiet API key that asks for at most half its share', () => {
  test.each([1, 100])(
    'waits two intervals at most beside 10,000 jobs of a noisy key with %d users',
    (users) => {
      const line = new FairLine();
      for (let job = 0; job < 10_000; job += 1) {
        line.push(entry(`noisy ${job}`, 'noisy', `user ${job % users}`));
      }
      // Half its share of one half: every fourth interval.
      const waits = waitsOf(line, 4_000, (turn) => (turn % 4 === 0 ? 1 : 0));
      expect(waits).toHaveLength(1_000);
      expect(percentile(waits, 0.99)).toBeLessThanOrEqual(2);
    },
  );

  test('waits n + 1 intervals at most beside n busy keys, whenever it asks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer(), (keys, seed) => {
        const line = new FairLine();
        let made = 0;
        for (let key = 0; key < keys; key += 1) {
          for (let job = 0; job < 50; job += 1) line.push(entry(`${(made += 1)}`, `key ${key}`));
        }
        let state = seed >>> 0;
        const chance = (): number => {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
          return state / 2 ** 32;
        };
        // Half of one share of n + 1, with the gap that a demand of that rate has at least.
        // Once everybody has been seen: in the very first round all are newcomers.
        let next = 2 * keys;
        const waits = waitsOf(
          line,
          1_000,
          (turn) => {
            if (turn < next) return 0;
            next = turn + 2 * (keys + 1) + Math.floor(chance() * 5);
            return 1;
          },
          ({ apiKey }) => line.push(entry(`${(made += 1)}`, apiKey)),
        );
        expect(percentile(waits, 0.99)).toBeLessThanOrEqual(keys + 1);
      }),
      { numRuns: 50 },
    );
  });

  test('waits as little with a hundred thousand accounts in the backlog', () => {
    const line = new FairLine();
    const keys = 20;
    let made = 0;
    for (let account = 0; account < 100_000; account += 1) {
      line.push(entry(`${(made += 1)}`, `key ${account % keys}`, `user ${account}`));
    }
    const waits = waitsOf(line, 50_000, (turn) => (turn % (2 * (keys + 1)) === 0 ? 1 : 0));
    expect(waits.length).toBeGreaterThan(1_000);
    expect(percentile(waits, 0.99)).toBeLessThanOrEqual(2);
  }, 20_000);
});

describe('weights', () => {
  test('share out the turns among those who have enough to send', () => {
    const weights = fc.array(fc.constantFrom(0.1, 0.5, 1, 2, 3.5, 10), {
      minLength: 2,
      maxLength: 6,
    });
    fc.assert(
      fc.property(weights, (given) => {
        const line = new FairLine({ weightOf: (apiKey) => given[Number(apiKey)] ?? 1 });
        const total = given.reduce((sum, weight) => sum + weight, 0);
        const served = given.map(() => 0);
        given.forEach((_, key) => {
          for (let job = 0; job < 3; job += 1) line.push(entry(`${key} ${job}`, String(key)));
        });
        const turns = 4_000;
        for (let turn = 0; turn < turns; turn += 1) {
          const next = line.next();
          if (next === null) throw new Error('nobody was in line');
          const key = Number(next.apiKey);
          served[key] = (served[key] ?? 0) + 1;
          line.push(entry(`${key} again ${turn}`, next.apiKey));
        }
        given.forEach((weight, key) => {
          const share = (served[key] ?? 0) / turns;
          expect(Math.abs(share - weight / total)).toBeLessThan(0.03);
        });
      }),
      { numRuns: 50 },
    );
  });

  test('that make no sense count as one', () => {
    const line = new FairLine({ weightOf: () => Number.NaN });
    for (const id of ['a1', 'a2', 'b1', 'b2']) line.push(entry(id, id.slice(0, 1)));
    const order = [line.next(), line.next(), line.next(), line.next()].map((next) => next?.id);
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2']);
  });
});

test('beyond the bound of accounts nothing is lost, counted twice or served out of order', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const moves = fc.array(
    fc.record({
      move: fc.constantFrom('push' as const, 'push' as const, 'next' as const, 'remove' as const),
      apiKey: names,
      userId: names,
      which: fc.nat(60),
    }),
    { maxLength: 200 },
  );
  const bounds: FairLineOptions[] = [
    { maxApiKeys: 2, maxUsers: 2 },
    { maxApiKeys: 0, maxUsers: 0 },
    { maxApiKeys: 3 },
  ];
  fc.assert(
    fc.property(moves, fc.constantFrom(...bounds), (script, options) => {
      const line = new FairLine(options);
      const waiting = new Map<string, LineEntry>();
      script.forEach(({ move, apiKey, userId, which }, index) => {
        if (move === 'push') {
          const pushed = { ...entry(String(index), apiKey, userId), rank: which };
          line.push(pushed);
          waiting.set(pushed.id, pushed);
        } else {
          const gone = move === 'next' ? line.next() : line.remove(String(which));
          if (move === 'next') expect(gone === null).toBe(waiting.size === 0);
          if (gone === null) return;
          expect(waiting.delete(gone.id)).toBe(true);
          if (move === 'remove') return;
          for (const other of waiting.values()) {
            if (other.apiKey !== gone.apiKey || other.userId !== gone.userId) continue;
            expect(other.rank).toBeGreaterThanOrEqual(gone.rank);
          }
        }
        const own = [...waiting.values()].filter(
          (one) => one.apiKey === apiKey && one.userId === userId,
        );
        expect(line.countOf({ apiKey, userId })).toBe(own.length);
        const last = line.lastOf({ apiKey, userId });
        expect(last?.rank ?? -1).toBe(Math.max(-1, ...own.map(({ rank }) => rank)));
      });
      expect(line.size).toBe(waiting.size);
    }),
    { numRuns: 300 },
  );
});
