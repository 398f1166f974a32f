import type { LimitKey, LimitStateView, LimitView } from '@ezthrottle/core/protocol';
import { DEFAULT_PERIOD_MS, type LimitRecord, limitSettings } from '@ezthrottle/engine';
import { decodeLimit } from './limit-data.ts';

/** Another text for every change, also when a limit was deleted and made again. */
export function versionOf({ createdAt, version }: LimitRecord): string {
  return `${createdAt.toString(36)}-${version}`;
}

/** What is shown can be put again, and is then the same limit. */
export function limitView(
  { kind, key }: LimitKey,
  record: LimitRecord,
  state: LimitStateView | null,
): LimitView {
  const said = decodeLimit(record.data);
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
    version: versionOf(record),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    state,
  };
}
