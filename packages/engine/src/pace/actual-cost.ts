import type { LimitSpec } from '../job/job-spec.ts';
import type { StoredResponse } from '../job/outcome.ts';
import { parseJsonPath, valueAt } from './json-path.ts';

const NUMBER = /^\d{1,15}(?:\.\d{1,9})?$/;
/** Longer bodies are not read for a cost. */
const MAX_BODY = 1_048_576;

/** What an answer says that a call has cost at a limit; null: it says nothing that counts. */
export function actualCost(
  limit: Pick<LimitSpec, 'settleHeader' | 'settlePath'>,
  response: Pick<StoredResponse, 'headers' | 'body' | 'bodyEncoding' | 'truncated'> | null,
): number | null {
  if (response === null) return null;
  if (limit.settleHeader !== undefined) {
    const value = response.headers[limit.settleHeader]?.trim() ?? '';
    return NUMBER.test(value) ? Number(value) : null;
  }
  const path = limit.settlePath === undefined ? null : parseJsonPath(limit.settlePath);
  if (path === null || response.bodyEncoding !== 'utf8' || response.truncated) return null;
  if (response.body.length > MAX_BODY) return null;
  try {
    const value = valueAt(JSON.parse(response.body), path);
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
  } catch {
    return null;
  }
}
