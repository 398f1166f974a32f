import type { LimitSettingsRequest } from '@ezthrottle/core/protocol';
import { LIMIT_SETTINGS_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import { knownLimitFields } from '@ezthrottle/engine';
import { type Checked, schemaCheck } from '../api/schema-check.ts';

/** What is stored of a limit is not what this code writes: the file is damaged. */
class UnreadableLimitError extends Error {
  readonly code = 'unreadable_limit';
  override readonly name = 'UnreadableLimitError';

  constructor() {
    super('a stored limit cannot be read');
  }
}

/** @throws UnreadableLimitError */
export function decodeLimit(data: string): LimitSettingsRequest {
  const checked = checkLimitFields(parsed(data));
  if (!checked.ok) throw new UnreadableLimitError();
  return checked.value;
}

/** Checks each field by itself; members that are null or not known are left out. */
export function checkLimitFields(value: unknown): Checked<LimitSettingsRequest> {
  return checkShape(knownLimitFields(value));
}

const checkShape = schemaCheck<LimitSettingsRequest>(LIMIT_SETTINGS_SCHEMA);

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw new UnreadableLimitError();
  }
}
