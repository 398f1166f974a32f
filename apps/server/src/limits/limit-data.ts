import type { LimitKey, LimitSettingsRequest, Problem } from '@ezthrottle/core/protocol';
import { LIMIT_SETTINGS_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import { checkLimitSettings, checkPartOfLimit, knownLimitFields } from '@ezthrottle/engine';
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

/** Settings of a limit of that kind, or everything that is wrong with them. */
export function checkLimit(kind: LimitKey['kind'], value: unknown): Checked<LimitSettingsRequest> {
  const fields = checkLimitFields(value);
  const problems = fields.ok
    ? checkLimitSettings(kind, fields.value)
    : checkUnfit(kind, value, fields.problems);
  if (problems.length > 0) return { ok: false, problems };
  return fields;
}

/** What the fields that fit say against each other is told with those that do not. */
function checkUnfit(
  kind: LimitKey['kind'],
  value: unknown,
  unfit: readonly Problem[],
): readonly Problem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return unfit;
  const paths = new Set(unfit.map(({ path }) => path));
  const rest = checkLimitFields(
    Object.fromEntries(Object.entries(value).filter(([name]) => !paths.has(name))),
  );
  return rest.ok ? checkPartOfLimit(kind, rest.value, unfit) : unfit;
}

const checkShape = schemaCheck<LimitSettingsRequest>(LIMIT_SETTINGS_SCHEMA);

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw new UnreadableLimitError();
  }
}
