import { checkUrl } from './protocol/checks.ts';
import type { Problem } from './protocol/wire-error.ts';

/** Every problem of one option; none when it was left out. */
export type OptionCheck = (value: unknown, path: string) => readonly Problem[];

export const wantText: OptionCheck = check((value) => typeof value === 'string', 'a string');
export const wantYesOrNo: OptionCheck = check(
  (value) => typeof value === 'boolean',
  'true or false',
);
export const wantFunction: OptionCheck = check(
  (value) => typeof value === 'function',
  'a function',
);

/** A number of milliseconds or bytes, or a count: `least` or more. Not NaN; without end is fine. */
export function wantAtLeast(least: number): OptionCheck {
  return check(
    (value) => typeof value === 'number' && value >= least,
    `a number, ${least} or more`,
  );
}

export const wantAddress: OptionCheck = (value, path) =>
  value === undefined ? [] : checkUrl(value, path);

/** An object in which each field that is there passes its own check; `false` may stand for it. */
export function wantFalseOr(fields: Readonly<Record<string, OptionCheck>>): OptionCheck {
  return (value, path) => {
    if (value === undefined || value === false) return [];
    if (typeof value !== 'object' || value === null) {
      return [{ path, message: `is ${nameOf(value)}`, expected: 'false or an object' }];
    }
    return findOptionProblems(value, fields, `${path}.`);
  };
}

/** Everything that is wrong with the options that have a check. */
export function findOptionProblems(
  options: object,
  checks: Readonly<Record<string, OptionCheck>>,
  prefix = '',
): Problem[] {
  return Object.entries(checks).flatMap(([name, find]) => {
    const value: unknown = Reflect.get(options, name);
    return find(value, `${prefix}${name}`);
  });
}

function check(isRight: (value: unknown) => boolean, expected: string): OptionCheck {
  return (value, path) =>
    value === undefined || isRight(value)
      ? []
      : [{ path, message: `is ${nameOf(value)}`, expected }];
}

/** Never a text itself: it may be a secret that was put in the wrong place. */
function nameOf(value: unknown): string {
  if (typeof value === 'number' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
