import {
  LIMIT_BOUNDS,
  type LimitKey,
  type LimitSettingsRequest,
  parseLimitKey,
} from '@ezthrottle/core/protocol';
import {
  encodeLimit,
  type Id,
  type LimitRecord,
  type LimitSettings,
  limitSettings,
  nextLimitRecord,
  type PaceSettings,
} from '@ezthrottle/engine';
import type { MemoryStore } from '../store/memory-store.ts';

/** What came of a change. */
export type LimitChange =
  | { readonly verdict: 'created' | 'changed'; readonly record: LimitRecord }
  | { readonly verdict: 'full' }
  | { readonly verdict: 'gone' };

export interface LimitBookParts {
  readonly store: MemoryStore;
  readonly organization: Id;
  readonly now: () => number;
  /** Pace of a destination without a limit. */
  readonly paceOf: (origin: string) => PaceSettings;
}

/** The limits of the one organization: as they are stored, and as pacing takes them. */
export class LimitBook {
  /** In force now, by key. */
  readonly settings: ReadonlyMap<string, LimitSettings>;
  readonly #settings: Map<string, LimitSettings>;
  readonly #parts: LimitBookParts;
  readonly #listeners = new Set<(key: LimitKey) => void>();

  constructor(parts: LimitBookParts) {
    this.#parts = parts;
    this.#settings = new Map();
    this.settings = this.#settings;
  }

  onChanged(listener: (key: LimitKey) => void): void {
    this.#listeners.add(listener);
  }

  get(key: string): LimitRecord | null {
    return this.#parts.store.limits.find(this.#parts.organization, key);
  }

  /** Puts what `change` makes of what is stored; null takes it away. */
  change(
    key: LimitKey,
    change: (stored: LimitRecord | null) => LimitSettingsRequest | null,
  ): LimitChange {
    const { store, organization } = this.#parts;
    const stored = this.get(key.key);
    const said = change(stored);
    if (said !== null) return this.#put(key, stored, said);
    if (stored === null) return { verdict: 'gone' };
    const { version } = stored;
    store.commitNow({ type: 'delete_limit', organization, key: key.key, version });
    this.#settings.delete(key.key);
    this.#tell(key);
    return { verdict: 'changed', record: stored };
  }

  #put(key: LimitKey, stored: LimitRecord | null, said: LimitSettingsRequest): LimitChange {
    const { store, organization, now, paceOf } = this.#parts;
    if (stored === null && this.#settings.size >= LIMIT_BOUNDS.perOrganization) {
      return { verdict: 'full' };
    }
    const data = encodeLimit(key.kind, said);
    if (stored?.data === data) return { verdict: 'changed', record: stored };
    const record = nextLimitRecord(stored, { organization, key: key.key, data }, now());
    store.commitNow({ type: 'put_limit', limit: record, replaces: stored?.version ?? null });
    const base = key.kind === 'destination' ? paceOf(key.origin) : undefined;
    this.#settings.set(key.key, limitSettings(key.kind, said, base));
    this.#tell(key);
    return { verdict: stored === null ? 'created' : 'changed', record };
  }

  #tell(key: LimitKey): void {
    for (const listener of this.#listeners) listener(key);
  }
}

/** What a record's data mean: only what was checked is ever written. */
export function limitSaid({ data }: LimitRecord): LimitSettingsRequest {
  const said: LimitSettingsRequest = JSON.parse(data);
  return said;
}

/** The record's key; stored keys are keys. */
export function limitKeyOf({ key }: LimitRecord): LimitKey {
  const parsed = parseLimitKey(key);
  if (parsed === null) throw new Error(`${key} is stored and no key of a limit`);
  return parsed;
}
