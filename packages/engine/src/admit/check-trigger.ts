import type { Problem } from '@ezthrottle/core/protocol';
import { checkStatusCodes, memberPath } from '@ezthrottle/core/protocol';
import { isJsonObject } from './json-object.ts';

/** A fallback's trigger: nothing, `on_error` with codes, or `on_timeout` with a time; never both. */
export function checkTrigger(value: unknown, path: string): Problem[] {
  if (value === undefined) return [];
  const expected = 'an object with type on_error or on_timeout, or no trigger at all';
  if (!isJsonObject(value)) return [{ path, message: 'is not an object', expected }];
  const { type, codes, timeout_ms: timeoutMs } = value;
  if (codes !== undefined && timeoutMs !== undefined) {
    return [
      {
        path,
        message: 'has both codes and timeout_ms',
        expected: 'one of them; two fallbacks where both are wanted',
      },
    ];
  }
  if (type === 'on_error') return checkCodes(codes, memberPath(path, 'codes'), timeoutMs);
  if (type === 'on_timeout') return checkTime(timeoutMs, memberPath(path, 'timeout_ms'), codes);
  if (type === undefined && codes === undefined && timeoutMs === undefined) return [];
  const message = type === undefined ? 'is required' : 'is not a trigger';
  return [{ path: memberPath(path, 'type'), message, expected: 'on_error or on_timeout' }];
}

function checkCodes(codes: unknown, path: string, stray: unknown): Problem[] {
  if (codes !== undefined) return checkStatusCodes(codes, path, { allowEmpty: false });
  const message = stray === undefined ? 'is required' : 'is required, timeout_ms is not';
  return [{ path, message, expected: 'the HTTP statuses that start this fallback' }];
}

function checkTime(timeoutMs: unknown, path: string, stray: unknown): Problem[] {
  const expected = 'a whole number of milliseconds, at least 1';
  if (timeoutMs === undefined) {
    const message = stray === undefined ? 'is required' : 'is required, codes are not';
    return [{ path, message, expected }];
  }
  if (typeof timeoutMs === 'number' && Number.isInteger(timeoutMs) && timeoutMs >= 1) return [];
  return [{ path, message: 'is not a time', expected }];
}
