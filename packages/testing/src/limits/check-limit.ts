import {
  checkLimitKey,
  type LimitKey,
  type LimitSettingsRequest,
  parseLimitKey,
  type Problem,
} from '@ezthrottle/core/protocol';
import { LIMIT_SETTINGS_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import { checkLimitSettings, knownLimitFields } from '@ezthrottle/engine';
import { shapeProblems } from '../api/check-shape.ts';

export type CheckedLimit =
  | { readonly ok: true; readonly key: LimitKey; readonly said: LimitSettingsRequest }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** A key with settings, or everything that is wrong with either. */
export function checkLimit(name: string, value: unknown): CheckedLimit {
  const key = parseLimitKey(name);
  const fields = knownLimitFields(value);
  const problems = [
    ...(key === null ? checkLimitKey(name) : []),
    ...shapeProblems(LIMIT_SETTINGS_SCHEMA, fields),
  ];
  if (key === null || !isLimit(fields)) return { ok: false, problems };
  const against = checkLimitSettings(key.kind, fields);
  return against.length > 0 ? { ok: false, problems: against } : { ok: true, key, said: fields };
}

/** Narrows what has the form of a limit. */
function isLimit(value: unknown): value is LimitSettingsRequest {
  return shapeProblems(LIMIT_SETTINGS_SCHEMA, value).length === 0;
}
