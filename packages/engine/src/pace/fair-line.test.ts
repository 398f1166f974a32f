import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairLine } from './fair-line.ts';
import type { LineEntry } from './fair-line.ts';

function entry(id: string, account: string, rank = 0): LineEntry {
  const [apiKey = '', userId = ''] = account.split('/');
  return { id, apiKey, userId, rank };
}

function drain(line: FairLine<LineEntry>): string[] {
  const order: string[] = [];
  for (let next = line.next(); next !== null; next = line.next()) order.push(next.id);
  return order;
}

describe('the line of one destination', () => {
  test('API keys take turns, whatever each has brought', () => {
    const line = new FairLine();
    for (const id of ['a1', 'a2', 'a3']) line.push(entry(id, 'a'));
    for (const id of ['b1', 'b2']) line.push(entry(id, 'b'));
    expect(drain(line)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  });

  test('users of one key share the turns of that key', () => {
    const line = new FairLine();
    for (const id of ['x1', 'x2']) line.push(entry(id, 'a/x'));
    for (const id of ['y1', 'y2']) line.push(entry(id, 'a/y'));
    for (const id of ['z1', 'z2']) line.push(entry(id, 'b/z'));
    expect(drain(line)).toEqual(['x1', 'z1', 'y1', 'z2', 'x2', 'y2']);
  });

  test('within an account the smallest rank goes first, then the older id', () => {
    const line = new FairLine();
    line.push(entry('2', 'a', 5));
    line.push(entry('1', 'a', 5));
    line.push(entry('3', 'a', 1));
    expect(drain(line)).toEqual(['3', '1', '2']);
  });

  test('who has just come is next, however long the others have been in line', () => {
    const line = new FairLine();
    for (let job = 0; job < 100; job += 1) line.push(entry(`noisy ${job}`, 'noisy', job));
    line.next();
    line.next();
    line.push(entry('quiet', 'quiet'));
    expect(line.next()?.id).toBe('quiet');
  });

  test('who comes back at once after a turn waits for the next round', () => {
    const line = new FairLine();
    for (const id of ['a1', 'a2', 'a3']) line.push(entry(id, 'a'));
    line.push(entry('b1', 'b'));
    const order: string[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      const next = line.next();
      if (next === null) break;
      order.push(next.id);
      if (next.apiKey === 'b') line.push(entry(`b${turn + 2}`, 'b'));
    }
    expect(order.filter((id) => id.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
  });

  test('an entry that is taken out is not served', () => {
    const line = new FairLine();
    for (const id of ['a1', 'a2', 'a3']) line.push(entry(id, 'a'));
    expect(line.remove('a2')?.id).toBe('a2');
    expect(line.remove('a2')).toBeNull();
    expect(drain(line)).toEqual(['a1', 'a3']);
    expect(line.size).toBe(0);
  });

  test('the same entry twice stands in line once', () => {
    const line = new FairLine();
    expect(line.push(entry('a1', 'a'))).toBe(true);
    expect(line.push(entry('a1', 'a'))).toBe(false);
    expect(line.size).toBe(1);
  });
});

type Move =
  | { readonly move: 'push'; readonly account: string; readonly rank: number }
  | { readonly move: 'next' }
  | { readonly move: 'remove'; readonly which: number };

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    fc.record({
      move: fc.constant('push' as const),
      account: fc.constantFrom('a/1', 'a/2', 'b/1', 'c/1', 'c/2', 'c/3'),
      rank: fc.integer({ min: 0, max: 5 }),
    }),
    fc.record({ move: fc.constant('next' as const) }),
    fc.record({ move: fc.constant('remove' as const), which: fc.nat(50) }),
  ),
  { maxLength: 200 },
);

test('nothing is lost or served twice, and the same moves give the same order', () => {
  fc.assert(
    fc.property(moves, (script) => {
      const play = (): string[] => {
        const line = new FairLine();
        const waiting = new Map<string, LineEntry>();
        const served: string[] = [];
        script.forEach((step, index) => {
          if (step.move === 'push') {
            const pushed = entry(String(index), step.account, step.rank);
            line.push(pushed);
            waiting.set(pushed.id, pushed);
          } else if (step.move === 'remove') {
            const id = [...waiting.keys()][step.which % Math.max(1, waiting.size)] ?? 'none';
            expect(line.remove(id) !== null).toBe(waiting.delete(id));
          } else {
            const next = line.next();
            expect(next === null).toBe(waiting.size === 0);
            if (next === null) return;
            const better = [...waiting.values()].filter(
              (other) =>
                other.apiKey === next.apiKey &&
                other.userId === next.userId &&
                other.rank < next.rank,
            );
            expect(better).toEqual([]);
            expect(waiting.delete(next.id)).toBe(true);
            served.push(next.id);
          }
          expect(line.size).toBe(waiting.size);
        });
        return served;
      };
      expect(play()).toEqual(play());
    }),
  );
});

test('while a key waits, every other key is served at most once, also one that keeps coming anew', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          pushes: fc.array(fc.constantFrom('b', 'c', 'd', 'e', 'f', 'g'), { maxLength: 4 }),
        }),
        { minLength: 1, maxLength: 150 },
      ),
      (rounds) => {
        const line = new FairLine();
        for (let job = 0; job < rounds.length + 1; job += 1) line.push(entry(`a${job}`, 'a', job));
        let since = new Map<string, number>();
        let isFirstSeen = false;
        rounds.forEach(({ pushes }, round) => {
          pushes.forEach((apiKey, index) => line.push(entry(`${apiKey}${round}.${index}`, apiKey)));
          const next = line.next();
          if (next === null) return;
          if (next.apiKey === 'a') {
            since = new Map();
            isFirstSeen = true;
            return;
          }
          const count = (since.get(next.apiKey) ?? 0) + 1;
          since.set(next.apiKey, count);
          if (isFirstSeen) expect(count).toBe(1);
        });
      },
    ),
  );
});

test('a stream of new users of the same key does not starve those who were there before', () => {
  const line = new FairLine();
  for (let job = 0; job < 50; job += 1) line.push(entry(`old ${job}`, 'a/old', job));
  let old = 0;
  for (let round = 0; round < 100; round += 1) {
    line.push(entry(`new ${round}`, `a/new ${round}`));
    if (line.next()?.userId === 'old') old += 1;
  }
  expect(old).toBeGreaterThanOrEqual(10);
});
