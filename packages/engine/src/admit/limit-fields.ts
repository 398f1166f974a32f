import type {
  LimitKey,
  LimitSettingsRequest,
  LimitView,
  WarningView,
} from '@ezthrottle/core/protocol';
import { isAdaptive, DEFAULT_PERIOD_MS } from '../pace/limit-settings.ts';
import type { LimitRecord } from '../ports/records.ts';
import { WarningList } from './warning-list.ts';

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
  weight: true,
};

/** Settings as text: the same text for the same settings, whether a default was said or not. */
export function encodeLimit(kind: LimitKey['kind'], settings: LimitSettingsRequest): string {
  const { per_ms: periodMs, adaptive, paused, ...others } = settings;
  const told: LimitSettingsRequest = {
    ...others,
    ...(periodMs !== undefined && periodMs !== DEFAULT_PERIOD_MS && { per_ms: periodMs }),
    ...(adaptive !== undefined && adaptive !== isAdaptive(kind) && { adaptive }),
    ...((paused === true || (paused === false && saysNoPace(others))) && { paused }),
  };
  return JSON.stringify(told, Object.keys(FIELDS));
}

/** Whether nothing but the end of its pause is left of a limit. */
function saysNoPace(said: LimitSettingsRequest): boolean {
  return [said.rate, said.concurrency, said.paused_until, said.weight].every(
    (value) => value === undefined,
  );
}

/** What of it a limit has, to be checked field by field: members that are null or not known are left out. */
export function knownLimitFields(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([name, entry]) => entry !== null && Object.hasOwn(FIELDS, name)),
  );
}

/** Members that no limit has. Those that are only shown may come back. */
export function unknownLimitFields(value: unknown): readonly string[] {
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

/** What is said about members that were left out. */
export function limitWarnings(value: unknown): readonly WarningView[] {
  const warnings = new WarningList();
  for (const path of unknownLimitFields(value)) {
    warnings.add(path, 'is not known and was left out');
  }
  return warnings.all;
}

/** The record that is to be in the place of `stored`; null: there is none yet. */
export function nextLimitRecord(
  stored: LimitRecord | null,
  limit: Pick<LimitRecord, 'organization' | 'key' | 'data'>,
  now: number,
): LimitRecord {
  return {
    ...limit,
    version: (stored?.version ?? 0) + 1,
    createdAt: stored?.createdAt ?? now,
    updatedAt: now,
  };
}

/** These settings with changes on top; null takes a field away. */
export function mergeLimit(settings: LimitSettingsRequest, changes: unknown): unknown {
  if (!isRecord(changes)) return changes;
  const merged = { ...settings, ...changes };
  const { paused, paused_until: pausedUntil } = merged;
  const wasPaused = settings.paused !== undefined || settings.paused_until !== undefined;
  // A pause that is taken away is over: that may be all that the limit says.
  const isOver = wasPaused && isNothing(paused) && isNothing(pausedUntil);
  return isOver ? { ...merged, paused: false } : merged;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
