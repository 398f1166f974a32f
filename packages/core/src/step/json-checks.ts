import { isObject, isPlain } from '../http/json.ts';
import { memberPath } from '../protocol/checks.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Problem } from '../protocol/wire-error.ts';

/** Whether the value can be sent as JSON as it is, and is not nested without bound. */
export function checkJson(value: unknown, path: string): readonly Problem[] {
  let flaw: Flaw | null = 'altered';
  try {
    // First, since only what can be written has an end.
    if (JSON.stringify(value) !== undefined) flaw = flawOf(value, LIMITS.metadataDepth);
  } catch {
    // A cycle, a BigInt, or deeper than the runtime can go.
  }
  if (flaw === null) return [];
  return [
    flaw === 'deep'
      ? {
          path,
          message: 'is nested too deeply',
          expected: `at most ${LIMITS.metadataDepth} levels of objects and lists`,
        }
      : {
          path,
          message: 'cannot be written as JSON as it is',
          expected: 'texts, finite numbers, lists and plain objects, without cycle',
        },
  ];
}

type Flaw = 'deep' | 'altered';

/** What JSON would change without a word: `NaN` into null, a `Map` or a `Blob` into an empty object. */
function flawOf(value: unknown, levels: number): Flaw | null {
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'altered';
  if (typeof value === 'function' || typeof value === 'symbol') return 'altered';
  if (typeof value !== 'object' || value === null) return null;
  if (levels === 0) return 'deep';
  // What writes itself, such as a date, knows what it does.
  if (isObject(value) && 'toJSON' in value) return null;
  if (Array.isArray(value) ? value.includes(undefined) : !isPlain(value)) return 'altered';
  for (const member of Object.values(value)) {
    const flaw = flawOf(member, levels - 1);
    if (flaw !== null) return flaw;
  }
  return null;
}

/** Whether one field of a job or step reaches the server as it is. */
export function checkWritable(name: string, value: unknown, path: string): readonly Problem[] {
  if (value === null) return [isNull(path)];
  const problems = checkJson(value, path);
  if (name !== 'headers' || problems.length > 0) return problems;
  // JSON leaves them out: a call without its `Authorization` is not the call that was meant.
  return Object.entries(Object(value)).flatMap(([header, text]) =>
    text === undefined
      ? [{ path: memberPath(path, header), message: 'is undefined', expected: 'a string' }]
      : [],
  );
}

export function isNull(path: string): Problem {
  return { path, message: 'is null', expected: 'a value, or no such field' };
}
