import { describe, expect, it } from 'vitest';
import { explore, type Model, type Move } from './explore.test-support.ts';

/** From 0 in steps of one or two; some numbers are traps. */
function counting(overrides: Partial<Model<number>> = {}): Model<number> {
  const move = (name: string, to: number, isFault = false): Move<number> => ({ name, isFault, to });
  return {
    initial: 0,
    keyOf: String,
    movesOf: (at) => (at >= 6 ? [] : [move('one', at + 1), move('two', at + 2)]),
    brokenIn: () => null,
    isGoal: (at) => at >= 6,
    ...overrides,
  };
}

describe('the search through all states', () => {
  it('visits each state once and says how far it has come', () => {
    expect(explore(counting(), { maxStates: 100 })).toEqual({
      states: 8,
      moves: 12,
      depth: 4,
      isComplete: true,
      finding: null,
    });
  });

  it('comes with a shortest way to what is broken', () => {
    const model = counting({ brokenIn: (at) => (at === 5 ? 'five' : null) });
    const { finding } = explore(model, { maxStates: 100 });
    expect(finding?.problem).toBe('five');
    expect(finding?.moves).toHaveLength(3);
  });

  it('finds from where there is no way to the goal but by a fault', () => {
    const model = counting({
      movesOf: (at) => {
        if (at === 3) return [{ name: 'luck', isFault: true, to: 6 }];
        return at >= 6 ? [] : [{ name: 'one', isFault: false, to: at + 1 }];
      },
    });
    expect(explore(model, { maxStates: 100 }).finding).toMatchObject({ moves: [] });
  });

  it('says when it was given up, and takes the rest to be fine', () => {
    const endless = counting({
      movesOf: (at) => [{ name: 'one', isFault: false, to: at + 1 }],
      isGoal: () => false,
    });
    expect(explore(endless, { maxStates: 10 })).toMatchObject({ isComplete: false, finding: null });
  });
});
