import { hash, timingSafeEqual } from 'node:crypto';
import type { ApiKeyRecord, Clock, Id, TenancyReads } from '@ezthrottle/engine';

/** On whose behalf a request is made. */
export interface Caller {
  readonly organization: Id;
  readonly apiKey: Id;
  readonly dialect: ApiKeyRecord['dialect'];
}

export interface ApiKeys {
  /** Null when the key is unknown or has expired; both look the same to the caller. */
  authenticate(key: string): Promise<Caller | null>;
}

const LONGEST_KEY = 512;

/** What is stored of an API key. */
export function hashApiKey(key: string): string {
  return hash('sha256', key);
}

/**
 * Finds callers by the hash of their key. Remembers up to `cacheSize` found keys (by hash, never the
 * key itself) for `cacheMs`, so that a deleted or changed key works no longer than that.
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
  const found = new Map<string, { readonly record: ApiKeyRecord; readonly until: number }>();

  async function lookUp(keyHash: string): Promise<ApiKeyRecord | null> {
    const cached = found.get(keyHash);
    if (cached !== undefined && cached.until > clock.monotonic()) return cached.record;
    found.delete(keyHash);
    const record = await reads.apiKeyByHash(keyHash);
    if (record === null || !isSameHash(record.hash, keyHash)) return null;
    const oldest = found.size >= cacheSize ? found.keys().next() : undefined;
    if (oldest?.done === false) found.delete(oldest.value);
    found.set(keyHash, { record, until: clock.monotonic() + cacheMs });
    return record;
  }

  return {
    async authenticate(key) {
      if (key === '' || key.length > LONGEST_KEY) return null;
      const record = await lookUp(hashApiKey(key));
      if (record === null) return null;
      if (record.expiresAt !== null && record.expiresAt <= clock.now()) return null;
      return { organization: record.organization, apiKey: record.id, dialect: record.dialect };
    },
  };
}

function isSameHash(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
