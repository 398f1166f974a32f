import { ValidationError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import type { Problem } from '../protocol/wire-error.ts';

/** Throws `ValidationError` naming everything that is wrong with what a method was given; does nothing for none. */
export function refuseWrongArguments(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ValidationError(problemText(problems), problems);
}

/** Throws `ValidationError` for what is no step, by its shape: there may be two copies of this package. */
export function refuseNoStep(step: unknown): void {
  if (isObject(step) && isObject(step['node'])) return;
  refuseWrongArguments([{ path: 'step', message: 'is not a step', expected: 'a Step' }]);
}

/** A sentence for each problem. */
export function problemText(problems: readonly Problem[]): string {
  const lines = problems.map(
    ({ path, message, expected }) => `${path} ${message}; expected ${expected}`,
  );
  return `${lines.join('. ')}.`;
}
