/** One thing that can happen next. */
export interface Move<State> {
  readonly name: string;
  /** Whether nothing has to happen for it: whatever is promised in the end is promised without it. */
  readonly isFault: boolean;
  readonly to: State;
}

/** Plain data and what can happen to it. */
export interface Model<State> {
  readonly initial: State;
  /** The same for states that cannot be told apart. */
  readonly keyOf: (state: State) => string;
  readonly movesOf: (state: State) => readonly Move<State>[];
  /** What must never be, as a sentence; null: all is well. */
  readonly brokenIn: (state: State) => string | null;
  /** What has to stay within reach from everywhere, without any fault. */
  readonly isGoal: (state: State) => boolean;
}

/** A way from the start to where something is wrong. */
export interface Finding {
  readonly problem: string;
  readonly moves: readonly string[];
}

export interface Exploration {
  readonly states: number;
  readonly moves: number;
  /** The longest of the shortest ways from the start. */
  readonly depth: number;
  /** Whether every state that can be reached has been. */
  readonly isComplete: boolean;
  readonly finding: Finding | null;
}

export interface ExploreOptions {
  /** Where the search is given up. */
  readonly maxStates: number;
}

/**
 * Every state that can be reached, nearest first, so that what is found comes with a shortest way to it.
 * Afterwards, whether a goal is within reach from each of them; of states that were not looked at any more,
 * it is taken to be.
 */
export function explore<State>(model: Model<State>, { maxStates }: ExploreOptions): Exploration {
  const search = new Search(model);
  let moves = 0;
  let next = 0;
  for (; next < search.states.length && search.states.length < maxStates; next += 1) {
    moves += search.expand(next);
    if (search.broken !== null) return search.result(moves, next, search.broken);
  }
  const hopeless = search.firstWithoutGoal(next);
  return search.result(moves, next, hopeless === null ? null : search.finding(hopeless, NO_GOAL));
}

const NO_GOAL = 'there is no way to the goal from here';

class Search<State> {
  readonly #model: Model<State>;
  readonly states: State[] = [];
  readonly #indexOf = new Map<string, number>();
  readonly #cameFrom: { readonly from: number; readonly name: string; readonly depth: number }[] =
    [];
  /** Who can come to a state without a fault. */
  readonly #before: number[][] = [];
  broken: Finding | null = null;

  constructor(model: Model<State>) {
    this.#model = model;
    this.#reach(model.initial, -1, 'start');
  }

  expand(from: number): number {
    const state = this.states[from];
    if (state === undefined) return 0;
    const moves = this.#model.movesOf(state);
    for (const { name, isFault, to } of moves) {
      const index = this.#reach(to, from, name);
      if (!isFault) this.#before[index]?.push(from);
    }
    return moves.length;
  }

  finding(index: number, problem: string): Finding {
    const moves: string[] = [];
    for (let at = this.#cameFrom[index]; at !== undefined; at = this.#cameFrom[at.from]) {
      if (at.from >= 0) moves.push(at.name);
    }
    return { problem, moves: moves.toReversed() };
  }

  /** The nearest of the first `expanded` states from which no way leads to a goal; null: there is none. */
  firstWithoutGoal(expanded: number): number | null {
    const isGood = this.states.map(
      (state, index) => index >= expanded || this.#model.isGoal(state),
    );
    const queue = [...isGood.keys()].filter((index) => isGood[index]);
    for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
      for (const earlier of this.#before[index] ?? []) {
        if (isGood[earlier] === true) continue;
        isGood[earlier] = true;
        queue.push(earlier);
      }
    }
    const found = isGood.indexOf(false);
    return found === -1 ? null : found;
  }

  result(moves: number, expanded: number, finding: Finding | null): Exploration {
    return {
      states: this.states.length,
      moves,
      depth: this.#cameFrom.at(-1)?.depth ?? 0,
      isComplete: expanded >= this.states.length,
      finding,
    };
  }

  #reach(state: State, from: number, name: string): number {
    const key = this.#model.keyOf(state);
    const known = this.#indexOf.get(key);
    if (known !== undefined) return known;
    const index = this.states.length;
    this.states.push(state);
    this.#indexOf.set(key, index);
    this.#cameFrom.push({ from, name, depth: (this.#cameFrom[from]?.depth ?? -1) + 1 });
    this.#before.push([]);
    const problem = this.#model.brokenIn(state);
    if (problem !== null && this.broken === null) this.broken = this.finding(index, problem);
    return index;
  }
}
