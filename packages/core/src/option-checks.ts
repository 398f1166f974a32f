import { isObject } from './http/json.ts';
import { checkUrl } from './protocol/checks.ts';
import type { Problem } from './protocol/wire-error.ts';

// Pure: whoever bundles leaves out the checks that nobody uses.

/** Every problem of one option; none when it was left out. */
export type OptionCheck = (value: unknown, path: string) => readonly Problem[];

export const wantText: OptionCheck = /* @__PURE__ */ check(
  (value) => typeof value === 'string',
  'a string',
);
export const wantYesOrNo: OptionCheck = /* @__PURE__ */ check(
  (value) => typeof value === 'boolean',
  'true or false',
);
export const wantFunction: OptionCheck = /* @__PURE__ */ check(
  (value) => typeof value === 'function',
  'a function',
);
export const wantObject: OptionCheck = /* @__PURE__ */ check(isObject, 'an object');
/** By its shape: signals of other realms and of polyfills are good, too. */
export const wantSignal: OptionCheck = /* @__PURE__ */ check(
  (value) => isObject(value) && typeof value['addEventListener'] === 'function',
  'an AbortSignal',
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

/** An object in which each field that is there has a check and passes it; `false` may stand for it. */
export function wantFalseOr(fields: Readonly<Record<string, OptionCheck>>): OptionCheck {
  return (value, path) => {
    if (value === undefined || value === false) return [];
    if (!isObject(value)) {
      return [{ path, message: `is ${nameOf(value)}`, expected: 'false or an object' }];
    }
    return findAllOptionProblems(value, fields, `${path}.`);
  };
}

/** Everything that is wrong with the options that have a check; options that are no object are one problem. */
export function findOptionProblems(
  options: unknown,
  checks: Readonly<Record<string, OptionCheck>>,
  prefix = '',
): readonly Problem[] {
  if (!isObject(options)) {
    return [{ path: 'options', message: `is ${nameOf(options)}`, expected: 'an object' }];
  }
  return Object.entries(checks).flatMap(([name, find]) => find(options[name], prefix + name));
}

/** Also options that have no check: they would be passed over in silence. */
export function findAllOptionProblems(
  options: unknown,
  checks: Readonly<Record<string, OptionCheck>>,
  prefix = '',
): readonly Problem[] {
  const known = Object.keys(checks);
  const unknown = Object.entries(options ?? {}).flatMap(([name, value]) => {
    if (value === undefined || known.includes(name)) return [];
    const near = known.find((one) => lettersOf(one).includes(lettersOf(name)));
    const expected = near ?? `one of ${known.join(', ')}`;
    return [{ path: prefix + name.slice(0, 64), message: 'is no option', expected }];
  });
  const problems = findOptionProblems(options, checks, prefix);
  return isObject(options) ? [...problems, ...unknown] : problems;
}

/** One value, or a list of such. */
export function wantOneOrMore(isRight: (value: unknown) => boolean, expected: string): OptionCheck {
  return check((value) => (Array.isArray(value) ? value.every(isRight) : isRight(value)), expected);
}

function check(isRight: (value: unknown) => boolean, expected: string): OptionCheck {
  return (value, path) =>
    value === undefined || isRight(value)
      ? []
      : [{ path, message: `is ${nameOf(value)}`, expected }];
}

/** Never a text itself: it may be a secret that was put in the wrong place. */
function nameOf(value: unknown): string {
  if (typeof value === 'number' || value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** For names that are the same but for case and signs, or of which one is a part of the other. */
function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}
