import { hash, timingSafeEqual } from 'node:crypto';
import type { ApiKeyScope } from '@ezthrottle/core/protocol';
import type { ApiKeyRecord, Clock, Id, TenancyReads } from '@ezthrottle/engine';

/** On whose behalf a request is made. */
export interface Caller {
  readonly organization: Id;
  readonly apiKey: Id;
  /** Of the key by which he asks: one that is rotated is for a while opened by two. */
  readonly keyHash: string;
  readonly dialect: ApiKeyRecord['dialect'];
  readonly scopes: readonly ApiKeyScope[];
  /** When the key ends by which he asks, in milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null;
}

/** When keys were used last. */
export type KeyUses = readonly { readonly id: Id; readonly at: number }[];

export interface ApiKeys {
  /** Null when the key is unknown, revoked or has expired; all look the same to the caller. */
  authenticate(key: string): Promise<Caller | null>;
  /** A key was changed: what is remembered of it is not used any more. */
  forget(id: Id): void;
  /** Some were changed elsewhere. */
  forgetAll(): void;
  /** It was used by another way than a request. */
  used(id: Id): void;
  /** Uses since the last time this was asked. */
  takeUses(): KeyUses;
}

const LONGEST_KEY = 512;

/** What is stored of an API key. */
export function hashApiKey(key: string): string {
  return hash('sha256', key);
}

interface FoundKey {
  readonly record: ApiKeyRecord;
  readonly caller: Caller;
  /** On the monotonic clock. */
  readonly until: number;
  /** Milliseconds since the epoch; null: not since the uses were taken. */
  usedAt: number | null;
}

/**
 * Finds callers by the hash of their key. Remembers up to `cacheSize` found keys (by hash, never the
 * key itself) for `cacheMs`: a key that another process changed works no longer than that, and one
 * that was changed here not at all.
 */
export function createApiKeys(options: {
  readonly reads: Pick<TenancyReads, 'apiKeyByHash'>;
  readonly clock: Clock;
  /** Default 10 000. */
  readonly cacheSize?: number;
  /** Milliseconds; default 10 000. */
  readonly cacheMs?: number;
}): ApiKeys {
  const { reads, clock, cacheSize = 10_000, cacheMs = 10_000 } = options;
  const found = new Map<string, FoundKey>();
  const uses = new Map<Id, number>();
  // A read that began before a change must not be remembered after it.
  let changes = 0;

  function drop(keyHash: string, key: FoundKey): void {
    found.delete(keyHash);
    noteUse(uses, key);
  }

  function remembered(keyHash: string): FoundKey | null {
    const cached = found.get(keyHash);
    if (cached === undefined) return null;
    if (cached.until > clock.monotonic()) return cached;
    drop(keyHash, cached);
    return null;
  }

  async function lookUp(keyHash: string): Promise<FoundKey | null> {
    const changesBefore = changes;
    const record = await reads.apiKeyByHash(keyHash);
    if (record === null || !opens(record, keyHash)) return null;
    const [oldest] = found.size >= cacheSize ? found : [];
    if (oldest !== undefined) drop(...oldest);
    const key = foundKey(record, keyHash, clock.monotonic() + cacheMs);
    if (changesBefore === changes) found.set(keyHash, key);
    return key;
  }

  return {
    async authenticate(key) {
      if (key === '' || key.length > LONGEST_KEY) return null;
      const keyHash = hashApiKey(key);
      const known = remembered(keyHash) ?? (await lookUp(keyHash));
      if (known === null) return null;
      const now = clock.now();
      if (hasEnded(known.record, keyHash, now)) return null;
      known.usedAt = now;
      return known.caller;
    },
    forget(id) {
      changes += 1;
      for (const [keyHash, key] of found) if (key.record.id === id) drop(keyHash, key);
    },
    forgetAll() {
      changes += 1;
      for (const [keyHash, key] of found) drop(keyHash, key);
    },
    used(id) {
      uses.set(id, clock.now());
    },
    takeUses() {
      for (const key of found.values()) noteUse(uses, key);
      const taken = [...uses].map(([id, at]) => ({ id, at }));
      uses.clear();
      return taken;
    },
  };
}

function foundKey(record: ApiKeyRecord, keyHash: string, until: number): FoundKey {
  const { organization, id: apiKey, dialect, scopes } = record;
  const { previous } = record;
  const isPrevious = record.hash !== keyHash && previous !== null;
  const expiresAt = earlierEnd(record.expiresAt, isPrevious ? previous.expiresAt : null);
  const caller = { organization, apiKey, keyHash, dialect, scopes, expiresAt };
  return { record, caller, until, usedAt: null };
}

/** The earlier of two ends; null: there is none. */
export function earlierEnd(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

function noteUse(uses: Map<Id, number>, key: FoundKey): void {
  if (key.usedAt === null) return;
  uses.set(key.record.id, Math.max(key.usedAt, uses.get(key.record.id) ?? 0));
  key.usedAt = null;
}

/** Compares in constant time, with what the key was before its rotation as well. */
function opens({ hash: own, previous }: ApiKeyRecord, keyHash: string): boolean {
  const isOwn = isSameHash(own, keyHash);
  const isPrevious = isSameHash(previous?.hash ?? '', keyHash);
  return isOwn || isPrevious;
}

function hasEnded(record: ApiKeyRecord, keyHash: string, now: number): boolean {
  const { expiresAt, revokedAt, previous } = record;
  if (revokedAt !== null || (expiresAt !== null && expiresAt <= now)) return true;
  return record.hash !== keyHash && (previous === null || previous.expiresAt <= now);
}

function isSameHash(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
