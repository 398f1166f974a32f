import type { LimitKey, LimitSettingsRequest, LimitView } from '@ezthrottle/core/protocol';
import { LIMIT_SETTINGS_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import { DEFAULT_PERIOD_MS, isAdaptive } from '@ezthrottle/engine';
import { type Checked, schemaCheck } from '../api/schema-check.ts';

/** What is stored of a limit is not what this code writes: the file is damaged. */
class UnreadableLimitError extends Error {
  readonly code = 'unreadable_limit';
  override readonly name = 'UnreadableLimitError';

  constructor() {
    super('a stored limit cannot be read');
  }
}

const FIELDS: Readonly<Record<keyof LimitSettingsRequest, true>> = {
  rate: true,
  per_ms: true,
  burst: true,
  concurrency: true,
  adaptive: true,
  floor: true,
  ceiling: true,
  paused: true,
  paused_until: true,
  settle_header: true,
  settle_path: true,
};

/** Settings as text: the same text for the same settings, whether a default was said or not. */
export function encodeLimit(kind: LimitKey['kind'], settings: LimitSettingsRequest): string {
  const { per_ms: periodMs, adaptive, paused, ...others } = settings;
  const told: LimitSettingsRequest = {
    ...others,
    ...(periodMs !== undefined && periodMs !== DEFAULT_PERIOD_MS && { per_ms: periodMs }),
    ...(adaptive !== undefined && adaptive !== isAdaptive(kind) && { adaptive }),
    ...(paused === true && { paused }),
  };
  return JSON.stringify(told, Object.keys(FIELDS));
}

/** @throws UnreadableLimitError */
export function decodeLimit(data: string): LimitSettingsRequest {
  const checked = checkLimitFields(parsed(data));
  if (!checked.ok) throw new UnreadableLimitError();
  return checked.value;
}

/** Checks each field by itself; members that are null or not known are left out. */
export function checkLimitFields(value: unknown): Checked<LimitSettingsRequest> {
  return checkShape(isRecord(value) ? knownOf(value) : value);
}

/** Members that no limit has. Those that are only shown may come back. */
export function unknownFields(value: unknown): readonly string[] {
  if (!isRecord(value)) return [];
  return Object.keys(value).filter(
    (name) => !Object.hasOwn(FIELDS, name) && !Object.hasOwn(SHOWN, name),
  );
}

const SHOWN: Readonly<Record<Exclude<keyof LimitView, keyof LimitSettingsRequest>, true>> = {
  key: true,
  kind: true,
  version: true,
  created_at: true,
  updated_at: true,
  state: true,
  warnings: true,
};

const checkShape = schemaCheck<LimitSettingsRequest>(LIMIT_SETTINGS_SCHEMA);

function knownOf(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(([name, entry]) => entry !== null && Object.hasOwn(FIELDS, name)),
  );
}

/** These settings with changes on top; null takes a field away. */
export function mergeLimit(settings: LimitSettingsRequest, changes: unknown): unknown {
  return isRecord(changes) ? { ...settings, ...changes } : changes;
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw new UnreadableLimitError();
  }
}
