import { failedPrecondition } from '@ezthrottle/engine';
import { ApiError } from './api-error.ts';
import type { Call } from './route.ts';

/**
 * Holds a change to what the caller has seen: `If-Match` with versions or `*`, `If-None-Match: *`.
 *
 * @param version What is there; null: nothing.
 * @throws ApiError `precondition_failed`
 */
export function requirePreconditions(call: Pick<Call, 'header'>, version: string | null): void {
  const asked = { ifMatch: call.header('If-Match'), ifNoneMatch: call.header('If-None-Match') };
  const failed = failedPrecondition(asked, version);
  if (failed !== null) throw new ApiError('precondition_failed', failed);
}
