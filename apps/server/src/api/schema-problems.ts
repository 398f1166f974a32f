import { memberPath, type Problem } from '@ezthrottle/core/protocol';
import type { ErrorObject } from 'ajv';

/** Keywords that only repeat what the errors below them say. */
const SUMMARIES: ReadonlySet<string> = new Set(['oneOf', 'anyOf', 'allOf', 'if', 'not', '$ref']);

/** Bound on what one answer lists. */
const MAX_PROBLEMS = 100;

/**
 * What a schema complains about, in the words of the wire: one problem per place, paths as `a.b[0].c`.
 *
 * @param value What was checked: it tells a list's entry from a member whose name is a number.
 */
export function schemaProblems(errors: readonly ErrorObject[], value: unknown): readonly Problem[] {
  const byPath = new Map<string, { problem: Problem; isSummary: boolean }>();
  for (const error of errors) {
    const isSummary = SUMMARIES.has(error.keyword);
    const path = pathOf(error, value);
    const told = byPath.get(path);
    if (told !== undefined && (isSummary || !told.isSummary)) continue;
    if (told === undefined && byPath.size >= MAX_PROBLEMS) continue;
    byPath.set(path, { problem: { path, ...wording(error) }, isSummary });
  }
  const problems = [...byPath.values()];
  const specific = problems.filter(({ isSummary }) => !isSummary);
  return (specific.length > 0 ? specific : problems).map(({ problem }) => problem);
}

/** The place that is wrong, for a missing or surplus member the member's own. */
function pathOf(error: ErrorObject, value: unknown): string {
  let path = '';
  let parent = value;
  for (const escaped of error.instancePath.split('/').slice(1)) {
    const part = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    path = Array.isArray(parent) ? `${path}[${part}]` : memberPath(path, part);
    parent = typeof parent === 'object' && parent !== null ? Reflect.get(parent, part) : undefined;
  }
  const member = text(error, 'missingProperty') ?? text(error, 'additionalProperty');
  return member === null ? path : memberPath(path, member);
}

function wording(error: ErrorObject): Pick<Problem, 'message' | 'expected'> {
  const limit = text(error, 'limit') ?? '';
  switch (error.keyword) {
    case 'required':
      return { message: 'is missing', expected: 'a value' };
    case 'additionalProperties':
      return { message: 'is not known', expected: 'no such field' };
    case 'type':
      return { message: 'has the wrong type', expected: typeName(text(error, 'type') ?? '') };
    case 'enum':
    case 'const':
      return { message: 'is not one of the allowed values', expected: allowedValues(error) };
    case 'minimum':
      return { message: 'is too small', expected: `${limit} or more` };
    case 'maximum':
      return { message: 'is too large', expected: `${limit} or less` };
    case 'exclusiveMinimum':
      return { message: 'is too small', expected: `more than ${limit}` };
    case 'exclusiveMaximum':
      return { message: 'is too large', expected: `less than ${limit}` };
    case 'minLength':
      return { message: 'is too short', expected: `${limit} characters or more` };
    case 'maxLength':
      return { message: 'is too long', expected: `${limit} characters or fewer` };
    case 'minItems':
      return { message: 'has too few entries', expected: `${limit} or more` };
    case 'maxItems':
      return { message: 'has too many entries', expected: `${limit} or fewer` };
    case 'minProperties':
      return { message: 'has too few members', expected: `${limit} or more` };
    case 'maxProperties':
      return { message: 'has too many members', expected: `${limit} or fewer` };
    case 'uniqueItems':
      return { message: 'has an entry twice', expected: 'every entry once' };
    case 'pattern':
      return {
        message: 'has the wrong form',
        expected: `text like ${text(error, 'pattern') ?? ''}`,
      };
    default:
      return { message: 'is not allowed', expected: error.message ?? 'another value' };
  }
}

function typeName(type: string): string {
  const names = type.split(',').map((name) => (name === 'integer' ? 'whole number' : name));
  return names.map((name) => (/^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`)).join(' or ');
}

function allowedValues(error: ErrorObject): string {
  const params: Record<string, unknown> = error.params;
  const values = params['allowedValues'] ?? [params['allowedValue']];
  return Array.isArray(values)
    ? values.map((value) => JSON.stringify(value)).join(', ')
    : JSON.stringify(values);
}

function text(error: ErrorObject, name: string): string | null {
  const params: Record<string, unknown> = error.params;
  const value = params[name];
  if (typeof value === 'string') return value;
  return value === undefined ? null : JSON.stringify(value);
}
