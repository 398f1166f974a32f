import { randomBytes } from 'node:crypto';
import { API_KEY_BOUNDS, type ApiKeyScope } from '@ezthrottle/core/protocol';
import type { ApiKeyRecord, Clock, Id, TenancyReads } from '@ezthrottle/engine';
import { earlierEnd, hashApiKey } from './api-keys.ts';
import { type Commit, commitOrThrow } from './committing.ts';

/** A key right after it was made: only its hash is stored. */
export interface MadeKey {
  readonly apiKey: string;
  readonly record: ApiKeyRecord;
}

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly ApiKeyScope[];
  /** Milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null;
}

export type KeyChange =
  | { readonly verdict: 'ok'; readonly made: MadeKey }
  | { readonly verdict: 'full' | 'gone' | 'ended' | 'raced' };

/** The API keys of an organization. A change is written by `by`, where that is given. */
export interface KeyRing {
  /** `full` when there are as many as there may be. */
  create(organization: Id, key: NewKey, byFor?: (id: Id) => Commit): Promise<KeyChange>;
  list(organization: Id): Promise<readonly ApiKeyRecord[]>;
  get(organization: Id, id: Id): Promise<ApiKeyRecord | null>;
  /**
   * A new key in the place of the old one, with the same id, name and scopes. The old one is taken
   * for `overlapMs` more. `ended` when it has expired or was revoked, `raced` when somebody else has
   * just rotated it.
   *
   * @param expiresAt When the new one ends; undefined: as the old one.
   */
  rotate(
    organization: Id,
    id: Id,
    how: { readonly overlapMs: number; readonly expiresAt: number | undefined },
    by?: Commit,
  ): Promise<KeyChange>;
  /** It opens nothing from now on. Null when there is none of this id; revoking twice is fine. */
  revoke(organization: Id, id: Id, by?: Commit): Promise<ApiKeyRecord | null>;
}

const KEY_BYTES = 32;
/** Characters of a key that are shown: few enough to leave 256 bits - 48 unknown. */
const HINT_LENGTH = 'ezt_'.length + 8;
const REVOKED_SHOWN = 100;

/**
 * @param options.onChanged Told of every key that opens less, or something else, than before.
 * @param options.onWritten Told of what is stored of such a key now.
 */
export function createKeyRing(options: {
  readonly reads: Pick<TenancyReads, 'apiKeys' | 'apiKey'>;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly newId: () => Id;
  readonly onChanged: (id: Id) => void;
  readonly onWritten: (record: ApiKeyRecord) => void;
}): KeyRing {
  const { reads, commit, clock, newId, onChanged, onWritten } = options;

  async function list(organization: Id): Promise<readonly ApiKeyRecord[]> {
    return reads.apiKeys(organization, API_KEY_BOUNDS.perOrganization + REVOKED_SHOWN);
  }

  async function put(record: ApiKeyRecord, replaces: string, by: Commit): Promise<boolean> {
    const { verdict } = await by({ type: 'put_api_key', apiKey: record, replaces });
    onChanged(record.id);
    if (verdict !== 'ok') return false;
    onWritten(record);
    return true;
  }

  return {
    list,
    get: (organization, id) => reads.apiKey(organization, id),
    async create(organization, key, byFor = () => commit) {
      const live = (await list(organization)).filter(({ revokedAt }) => revokedAt === null);
      if (live.length >= API_KEY_BOUNDS.perOrganization) return { verdict: 'full' };
      const { apiKey, hint } = newKey();
      const record: ApiKeyRecord = {
        ...key,
        id: newId(),
        organization,
        hash: hashApiKey(apiKey),
        dialect: 'ezthrottle',
        createdAt: clock.now(),
        hint,
        previous: null,
        lastUsedAt: null,
        revokedAt: null,
      };
      await commitOrThrow(byFor(record.id), { type: 'put_api_key', apiKey: record });
      return { verdict: 'ok', made: { apiKey, record } };
    },
    async rotate(organization, id, { overlapMs, expiresAt }, by = commit) {
      const old = await reads.apiKey(organization, id);
      if (old === null) return { verdict: 'gone' };
      const now = clock.now();
      if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt <= now)) {
        return { verdict: 'ended' };
      }
      const { apiKey, hint } = newKey();
      const overlapEnd = earlierEnd(now + overlapMs, old.expiresAt) ?? now;
      const record: ApiKeyRecord = {
        ...old,
        hash: hashApiKey(apiKey),
        hint,
        expiresAt: expiresAt ?? old.expiresAt,
        previous: overlapMs === 0 ? null : { hash: old.hash, expiresAt: overlapEnd },
      };
      if (!(await put(record, old.hash, by))) return { verdict: 'raced' };
      return { verdict: 'ok', made: { apiKey, record } };
    },
    async revoke(organization, id, by = commit) {
      for (;;) {
        const known = await reads.apiKey(organization, id);
        if (known === null || known.revokedAt !== null) return known;
        const revoked = { ...known, previous: null, revokedAt: clock.now() };
        // Rotated meanwhile: then the new one is to go as well.
        if (!(await put(revoked, known.hash, by))) continue;
        return revoked;
      }
    },
  };
}

function newKey(): { readonly apiKey: string; readonly hint: string } {
  const apiKey = `ezt_${randomBytes(KEY_BYTES).toString('base64url')}`;
  return { apiKey, hint: apiKey.slice(0, HINT_LENGTH) };
}
