import type {
  LimitKey,
  LimitSettingsRequest,
  LimitStateView,
  LimitView,
} from '@ezthrottle/core/protocol';
import { DEFAULT_PERIOD_MS, limitSettings } from '../pace/limit-settings.ts';
import type { LimitRecord } from '../ports/records.ts';

/** Another text for every change, also when a limit was deleted and made again. */
export function limitVersion({ createdAt, version }: LimitRecord): string {
  return `${createdAt.toString(36)}-${version}`;
}

/** What is shown can be put again, and is then the same limit. `said` is what the record's data mean. */
export function limitView(
  { kind, key }: LimitKey,
  record: LimitRecord,
  said: LimitSettingsRequest,
  state: LimitStateView | null,
): LimitView {
  return {
    key,
    kind,
    rate: said.rate ?? null,
    per_ms: said.per_ms ?? DEFAULT_PERIOD_MS,
    burst: said.burst ?? null,
    concurrency: said.concurrency ?? null,
    adaptive: limitSettings(kind, said).adaptive,
    floor: said.floor ?? null,
    ceiling: said.ceiling ?? null,
    paused: said.paused ?? false,
    paused_until: said.paused_until ?? null,
    settle_header: said.settle_header ?? null,
    settle_path: said.settle_path ?? null,
    weight: said.weight ?? null,
    version: limitVersion(record),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    state,
  };
}
