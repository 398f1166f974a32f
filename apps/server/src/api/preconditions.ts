import { ApiError } from './api-error.ts';
import type { Call } from './route.ts';

/** The value of an `ETag` header. */
export function etagOf(version: string): string {
  return `"${version}"`;
}

/**
 * Holds a change to what the caller has seen: `If-Match` with versions or `*`, `If-None-Match: *`.
 *
 * @param version What is there; null: nothing.
 * @throws ApiError `precondition_failed`
 */
export function requirePreconditions(call: Pick<Call, 'header'>, version: string | null): void {
  const [match, noneMatch] = [call.header('If-Match'), call.header('If-None-Match')];
  if (match !== null && !isNamed(match, version)) {
    throw failed(version === null ? 'is not there' : 'has been changed by somebody else');
  }
  if (noneMatch !== null && isNamed(noneMatch, version)) throw failed('is there already');
}

/** A weak tag names nothing: it does not say that two are the same. */
function isNamed(tags: string, version: string | null): boolean {
  if (version === null) return false;
  const named = tags.split(',').map((tag) => tag.trim());
  return named.includes('*') || named.includes(etagOf(version));
}

function failed(why: string): ApiError {
  return new ApiError('precondition_failed', `nothing was done: what was to be changed ${why}`);
}
