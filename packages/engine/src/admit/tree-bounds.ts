import type { Problem } from '@ezthrottle/core/protocol';
import { LIMITS } from '@ezthrottle/core/protocol';
import type { JOB_EDGES } from './job-fields.ts';

/** How large a tree of steps may be. */
export interface TreeLimits {
  readonly treeDepth: number;
  readonly treeSteps: number;
}

/** A job's place in its tree. */
export interface TreePlace {
  readonly path: string;
  /** From 1. */
  readonly level: number;
  readonly isFallback: boolean;
}

export const ROOT_PLACE: TreePlace = { path: '', level: 1, isFallback: false };

/**
 * The place of a job under another. The fallbacks of one job are a list that the wire nests; they
 * share a level, so that the length of the list does not count as depth.
 */
export function placeUnder(parent: TreePlace, edge: (typeof JOB_EDGES)[number]): TreePlace {
  const isFallback = edge === 'fallback_job';
  const level = isFallback && parent.isFallback ? parent.level : parent.level + 1;
  return { path: parent.path === '' ? edge : `${parent.path}.${edge}`, level, isFallback };
}

/** Counts steps while a tree is walked; tells each bound once. */
export class TreeBounds {
  readonly problems: Problem[] = [];
  readonly #limits: TreeLimits;
  #steps = 0;
  #isTooDeep = false;

  constructor(limits: TreeLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Whether the job at this place is within bounds; its children are not to be looked at otherwise. */
  enter({ path, level }: TreePlace): boolean {
    const { treeDepth, treeSteps } = this.#limits;
    if (level > treeDepth) {
      if (!this.#isTooDeep)
        this.#report(path, 'lies too deep', `at most ${treeDepth} levels of steps`);
      this.#isTooDeep = true;
      return false;
    }
    this.#steps += 1;
    if (this.#steps === treeSteps + 1) {
      this.#report(path, 'is one step too many', `at most ${treeSteps} steps in one tree`);
    }
    return this.#steps <= treeSteps;
  }

  #report(path: string, message: string, expected: string): void {
    // The path of a very deep place is itself very long.
    this.problems.push({ path: path.slice(0, 200), message, expected });
  }
}
