import type { ApiKeyRecord, Clock, Id, TenancyReads } from '@ezthrottle/engine';
import { type Caller, earlierEnd } from './api-keys.ts';

/** Why a key opens nothing any more. */
export type KeyEnd = 'expired' | 'revoked' | 'rotated';

/** What goes on under an API key for a while, and has to stop when that key opens nothing any more. */
export interface KeyEnds {
  /** Called once, at once when it has ended already. Returns a function that takes the listener away. */
  onEnd(
    caller: Pick<Caller, 'organization' | 'apiKey' | 'keyHash' | 'expiresAt'>,
    listener: (end: KeyEnd) => void,
  ): () => void;
  /** The key was revoked or rotated: it is stored like this now. */
  changed(record: ApiKeyRecord): void;
  /** Keys were changed elsewhere: those under which something goes on are read again. */
  changedElsewhere(): Promise<void>;
}

/**
 * How long a change is remembered for requests that were let in before it and begin to listen only now, in
 * milliseconds. No request takes as long to come in.
 */
const REMEMBERED_MS = 120_000;

interface Listening {
  readonly organization: Id;
  readonly keyHash: string;
  readonly end: (why: KeyEnd) => void;
  /** Milliseconds since the epoch; null: none is known. */
  endsAt: number | null;
  stopTimer: () => void;
}

export function createKeyEnds(
  clock: Pick<Clock, 'now' | 'after'>,
  reads: Pick<TenancyReads, 'apiKey'>,
): KeyEnds {
  const listening = new Map<Id, Set<Listening>>();
  const changes = new Map<Id, ApiKeyRecord>();

  /** Ends it at that moment, or now. */
  function endAt(one: Listening, at: number | null, why: KeyEnd): void {
    one.stopTimer();
    one.endsAt = at;
    if (at === null) return;
    if (at <= clock.now()) {
      one.end(why);
      return;
    }
    one.stopTimer = clock.after(at - clock.now(), () => endAt(one, at, why));
  }

  function follow(one: Listening, record: ApiKeyRecord): void {
    const { hash, previous, revokedAt } = record;
    if (revokedAt !== null) endAt(one, revokedAt, 'revoked');
    else if (one.keyHash === hash) return;
    // One that was rotated away twice opens nothing, whatever overlap it once had.
    else if (one.keyHash !== previous?.hash) endAt(one, clock.now(), 'rotated');
    else endAt(one, earlierEnd(one.endsAt, previous.expiresAt), 'rotated');
  }

  function changed(record: ApiKeyRecord): void {
    const { id } = record;
    changes.set(id, record);
    clock.after(REMEMBERED_MS, () => {
      if (changes.get(id) === record) changes.delete(id);
    });
    for (const one of listening.get(id) ?? []) follow(one, record);
  }

  return {
    onEnd({ organization, apiKey, keyHash, expiresAt }, listener) {
      const ofKey = listening.get(apiKey) ?? new Set();
      const forget = (): void => {
        one.stopTimer();
        ofKey.delete(one);
        if (ofKey.size === 0 && listening.get(apiKey) === ofKey) listening.delete(apiKey);
      };
      const one: Listening = {
        organization,
        keyHash,
        endsAt: null,
        stopTimer: () => undefined,
        end(why) {
          forget();
          listener(why);
        },
      };
      listening.set(apiKey, ofKey.add(one));
      endAt(one, expiresAt, 'expired');
      const changed = changes.get(apiKey);
      if (changed !== undefined && ofKey.has(one)) follow(one, changed);
      return forget;
    },
    changed,
    async changedElsewhere() {
      for (const [id, ofKey] of listening) {
        const [first] = ofKey;
        const record = first === undefined ? null : await reads.apiKey(first.organization, id);
        if (record !== null) changed(record);
      }
    },
  };
}
