import { memberPath } from '../protocol/checks.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { isObject } from '../http/json.ts';
import type { StepNode, StepType } from './step-node.ts';

/** The step whose fields are looked at, and what was found. */
export interface Check {
  readonly problems: Problem[];
  readonly step: StepNode;
  /** Where the step runs. Null: it is JSON, of which only names and types are checked. */
  readonly runs: StepType | null;
}

/** The one member that steps and webhooks cannot do without. */
const NEEDED = 'url';

/** Notes what is wrong with one value. */
export type Rule = (value: unknown, path: string, check: Check) => void;

/** What is wrong with a value of the right type. */
export type Finder<T> = (value: T, path: string, check: Check) => readonly Problem[];

/** A value of one type; whether it can be used is asked only when its step is to run. */
export function typed<T>(
  isOfType: (value: unknown) => value is T,
  expected: string,
  find?: Finder<T>,
): Rule {
  return (value, path, check) => {
    if (value === undefined) return;
    if (!isOfType(value)) check.problems.push({ path, message: 'has the wrong type', expected });
    else if (check.runs !== null) check.problems.push(...(find?.(value, path, check) ?? []));
  };
}

export function text(find?: Finder<string>): Rule {
  return typed((value) => typeof value === 'string', 'a string', find);
}

/** Text that a step needs to run. */
export function required(find: Finder<unknown>): Rule {
  const checkType = text();
  return (value, path, check) => {
    if (check.runs === null) checkType(value, path, check);
    else check.problems.push(...find(value, path, check));
  };
}

export function flag(): Rule {
  return typed((value) => typeof value === 'boolean', 'true or false');
}

export function object(find?: Finder<Readonly<Record<string, unknown>>>): Rule {
  return typed(isObject, 'an object', find);
}

export function list(find?: Finder<readonly unknown[]>): Rule {
  return typed(isList, 'a list', find);
}

export function oneOf(words: readonly string[]): Rule {
  const isWord = (value: unknown): value is string => words.some((word) => word === value);
  return typed(isWord, words.join(' or '));
}

export function integer(least: number, most: number = Infinity, find?: Finder<number>): Rule {
  const range = most === Infinity ? `, at least ${least}` : ` from ${least} to ${most}`;
  const isNumber = (value: unknown): value is number => typeof value === 'number';
  return typed(isNumber, 'a number', (value, path, check) => {
    if (Number.isInteger(value) && value >= least && value <= most) {
      return find?.(value, path, check) ?? [];
    }
    return [{ path, message: `is ${value}`, expected: `a whole number${range}` }];
  });
}

/** A text of 1 to so many characters. */
export function name(length: number, find?: Finder<string>): Rule {
  const expected = `a string of 1 to ${length} characters, none of them a control character`;
  return text((value, path, check) => {
    if (/\p{Cc}/u.test(value)) return [{ path, message: 'contains a control character', expected }];
    if (/\p{Cs}/u.test(value)) return [{ path, message: 'contains half of a character', expected }];
    if (value !== '' && value.length <= length) return find?.(value, path, check) ?? [];
    const message = value === '' ? 'is empty' : `is ${value.length} characters long`;
    return [{ path, message, expected }];
  });
}

/** A list of at most so many entries, of which each follows the rule. */
export function listOf(rule: Rule, most: number, find?: Finder<readonly unknown[]>): Rule {
  const checkList = list((items, path, check) => {
    const problems = find?.(items, path, check) ?? [];
    if (items.length <= most) return problems;
    const expected = `at most ${most} entries`;
    return [...problems, { path, message: `has ${items.length} entries`, expected }];
  });
  return (value, path, check) => {
    if (isList(value)) value.forEach((item, index) => rule(item, `${path}[${index}]`, check));
    checkList(value, path, check);
  };
}

/** The name of a region, which travels as a header with every call. */
export function region(length: number): Rule {
  const expected = 'letters, digits, dots, dashes and underscores';
  return name(length, (value, path) =>
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value)
      ? []
      : [{ path, message: 'is not the name of a region', expected }],
  );
}

/** Different names that follow the rule. */
export function names(most: number, rule: Rule): Rule {
  return listOf(rule, most, (items, path) => {
    const seen = new Set<unknown>();
    return items.flatMap((item, index) => {
      const isKnown = item !== '' && seen.has(item);
      seen.add(item);
      const problem = { message: 'is given twice', expected: 'each name once' };
      return isKnown ? [{ path: `${path}[${index}]`, ...problem }] : [];
    });
  });
}

/**
 * An object whose members follow the rules, which are asked in their order.
 *
 * @param others What to write instead of a member that no rule knows; absent: it may stand there.
 */
export function membersOf(
  rules: Readonly<Record<string, Rule>>,
  find?: Finder<Readonly<Record<string, unknown>>>,
  others?: string,
): Rule {
  const known = Object.entries(rules);
  const checkObject = object(find);
  return (value, path, check) => {
    if (isObject(value)) {
      const prefix = path === '' ? '' : `${path}.`;
      for (const [member, rule] of known) {
        const content = value[member];
        if (content !== undefined || member === NEEDED) rule(content, prefix + member, check);
      }
      // What methods were given is handed on, for the server to name what it does not know.
      if (check.runs === null || others !== undefined) {
        reportOthers(value, rules, path, check.problems, others);
      }
    }
    checkObject(value, path, check);
  };
}

function reportOthers(
  value: object,
  rules: object,
  path: string,
  problems: Problem[],
  expected = 'no such field',
): void {
  for (const member of Object.keys(value)) {
    if (Object.hasOwn(rules, member)) continue;
    const place = memberPath(path, member);
    problems.push({ path: place, message: 'is not a field of a step', expected });
  }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
