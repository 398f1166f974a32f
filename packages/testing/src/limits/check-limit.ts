import {
  checkLimitKey,
  type LimitKey,
  type LimitSettingsRequest,
  parseLimitKey,
  type Problem,
} from '@ezthrottle/core/protocol';
import { LIMIT_SETTINGS_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import { checkLimitSettings, checkPartOfLimit, knownLimitFields } from '@ezthrottle/engine';
import { shapeProblems } from '../api/check-shape.ts';

export type CheckedLimit =
  | { readonly ok: true; readonly key: LimitKey; readonly said: LimitSettingsRequest }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** A key with settings, or everything that is wrong with either. */
export function checkLimit(name: string, value: unknown): CheckedLimit {
  const key = parseLimitKey(name);
  const fields = knownLimitFields(value);
  const shape = shapeProblems(LIMIT_SETTINGS_SCHEMA, fields);
  if (key === null) return { ok: false, problems: [...checkLimitKey(name), ...shape] };
  if (!isLimit(fields)) return { ok: false, problems: checkUnfit(key.kind, fields, shape) };
  const against = checkLimitSettings(key.kind, fields);
  return against.length > 0 ? { ok: false, problems: against } : { ok: true, key, said: fields };
}

/** What the fields that fit say against each other is told with those that do not. */
function checkUnfit(
  kind: LimitKey['kind'],
  fields: unknown,
  unfit: readonly Problem[],
): readonly Problem[] {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return unfit;
  const paths = new Set(unfit.map(({ path }) => path));
  const rest = Object.fromEntries(Object.entries(fields).filter(([name]) => !paths.has(name)));
  return isLimit(rest) ? checkPartOfLimit(kind, rest, unfit) : unfit;
}

/** Narrows what has the form of a limit. */
function isLimit(value: unknown): value is LimitSettingsRequest {
  return shapeProblems(LIMIT_SETTINGS_SCHEMA, value).length === 0;
}
