import type { Id } from '@ezthrottle/engine';
import { ApiError } from './api-error.ts';
import type { Call } from './route.ts';

const DASHED = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
const PLAIN = /^([\da-f]{8})([\da-f]{4})([\da-f]{4})([\da-f]{4})([\da-f]{12})$/;

/** Both spellings of an id, with dashes or as 32 hex digits; null for anything else. */
export function parseId(text: string): Id | null {
  const lower = text.toLowerCase();
  if (DASHED.test(lower)) return lower;
  return PLAIN.test(lower) ? lower.replace(PLAIN, '$1-$2-$3-$4-$5') : null;
}

/** What is malformed, unknown or another organization's looks the same from outside. */
export function jobNotFound(): ApiError {
  return new ApiError('not_found', 'there is no such job');
}

/** @throws ApiError `not_found` */
export function jobIdOf(call: Call): Id {
  const id = parseId(call.params['id'] ?? '');
  if (id === null) throw jobNotFound();
  return id;
}
