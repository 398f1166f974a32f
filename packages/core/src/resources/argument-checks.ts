import { describeProblems, ValidationError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import type { Problem } from '../protocol/wire-error.ts';

/** Throws `ValidationError` naming everything that is wrong with what a method was given; does nothing for none. */
export function refuseWrongArguments(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ValidationError(describeProblems('call', problems), problems);
}

/** Throws `ValidationError` for what is no step, by its shape: there may be two copies of this package. */
export function refuseNoStep(step: unknown): void {
  if (isObject(step) && isObject(step['node'])) return;
  refuseWrongArguments([{ path: 'step', message: 'is not a step', expected: 'a Step' }]);
}
