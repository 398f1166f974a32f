import type { RedactionPath } from './redact-json.ts';

/** For each path one bit for each of its steps that may be taken next. */
export type PathState = Int32Array;

/** Where a walk stands after a step: at a value to redact, at one below which nothing is meant, or between. */
export type Entered = 'hit' | 'nothing' | PathState;

/**
 * Several paths followed at the same time, through each value once. Taken one way after the other, a path
 * with two `..` would come to a value as often as there are ways to it.
 */
export class PathStates {
  readonly #last: PathState;
  /** Steps that stay open below: `..name`. */
  readonly #anywhere: PathState;
  /** Steps that are taken by everything: `[*]`. */
  readonly #every: PathState;
  readonly #byName = new Map<string, PathState>();
  readonly #byPlace = new Map<number, PathState>();
  readonly #next: PathState;

  constructor(paths: readonly RedactionPath[]) {
    const none = (): PathState => new Int32Array(paths.length);
    this.#last = Int32Array.from(paths, (path) => 1 << (path.length - 1));
    this.#anywhere = none();
    this.#every = none();
    this.#next = none();
    for (const [index, path] of paths.entries()) {
      for (const [at, step] of path.entries()) {
        const bit = 1 << at;
        if (step.kind === 'every') add(this.#every, index, bit);
        if (step.kind === 'anywhere') add(this.#anywhere, index, bit);
        if (step.kind === 'member' || step.kind === 'anywhere') {
          add(found(this.#byName, step.name, none), index, bit);
        }
        if (step.kind === 'place') add(found(this.#byPlace, step.index, none), index, bit);
      }
    }
    for (const steps of [...this.#byName.values(), ...this.#byPlace.values()]) {
      for (const [index, bits] of this.#every.entries()) add(steps, index, bits);
    }
  }

  get start(): PathState {
    return this.#last.map(() => 1);
  }

  /** The state below a member of an object. Not to be kept longer than until the next question, unless copied. */
  member(state: PathState, name: string): Entered {
    return this.#enter(state, this.#byName.get(name) ?? this.#every);
  }

  /** The same below a place of a list. */
  place(state: PathState, index: number): Entered {
    return this.#enter(state, this.#byPlace.get(index) ?? this.#every);
  }

  #enter(state: PathState, steps: PathState): Entered {
    const next = this.#next;
    let open = 0;
    for (let index = 0; index < next.length; index += 1) {
      const before = state[index] ?? 0;
      const taken = before & (steps[index] ?? 0);
      if ((taken & (this.#last[index] ?? 0)) !== 0) return 'hit';
      const after = (before & (this.#anywhere[index] ?? 0)) | (taken << 1);
      next[index] = after;
      open |= after;
    }
    return open === 0 ? 'nothing' : next;
  }
}

function add(state: PathState, index: number, bits: number): void {
  state[index] = (state[index] ?? 0) | bits;
}

function found<Key>(all: Map<Key, PathState>, key: Key, none: () => PathState): PathState {
  const state = all.get(key) ?? none();
  all.set(key, state);
  return state;
}
