import { StepValidationError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Problem } from '../protocol/wire-error.ts';
import type { StepNode } from './step-node.ts';

/** Keeps one walk over a tree of steps within bounds. */
export class TreeBounds {
  readonly #problems: Problem[];
  #left: number = LIMITS.treeSteps;

  constructor(problems: Problem[]) {
    this.#problems = problems;
  }

  /** Counts a step each time it stands in the tree: a shared one costs as often as it is used. */
  admitStep(): boolean {
    this.#left -= 1;
    if (this.#left === -1) {
      this.#problems.push({
        path: '',
        message: `has more than ${LIMITS.treeSteps} steps, counting a shared one each time it is used`,
        expected: `at most ${LIMITS.treeSteps} steps`,
      });
    }
    return this.#left >= 0;
  }
}

/**
 * Whether steps may stand at this level; notes it when not.
 *
 * @param level From 1.
 */
export function admitLevel(level: number, path: string, problems: Problem[]): boolean {
  if (level <= LIMITS.treeDepth) return true;
  const expected = `at most ${LIMITS.treeDepth} levels of steps`;
  problems.push({ path, message: 'is nested too deeply', expected });
  return false;
}

/** Throws `StepValidationError` for a tree of more steps than anyone takes, before it is walked further. */
export function refuseTooManySteps(root: StepNode): void {
  const problems: Problem[] = [];
  const bounds = new TreeBounds(problems);
  const steps = [root];
  for (const { onSuccess, onFailure, fallbacks = [] } of steps) {
    if (!bounds.admitStep()) throw new StepValidationError(problems);
    for (const child of [onSuccess, onFailure, ...fallbacks.map(({ step }) => step)]) {
      if (isObject(child)) steps.push(child);
    }
  }
}
