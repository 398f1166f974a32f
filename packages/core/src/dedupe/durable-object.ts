import { EZThrottleError } from '../errors.ts';
import type { DedupeStore } from '../webhooks/dedupe-store.ts';
import type { DedupeQuestion, DedupeReply } from './dedupe-object.ts';
import { storedId } from './stored-id.ts';
import { wholeMs } from './whole-ms.ts';

export { DedupeObject, type DedupeObjectState, type DedupeObjectStorage } from './dedupe-object.ts';

/** What is used of a binding to the class: a `DurableObjectNamespace`. */
export interface DedupeNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): DedupeObjectStub;
}

export interface DedupeObjectStub {
  fetch(
    url: string,
    request: { method: string; body: string },
  ): Promise<{ readonly ok: boolean; readonly status: number; json(): Promise<unknown> }>;
}

/**
 * Remembers each delivery in a Durable Object of its own, for a Worker in any number of places. The
 * Worker exports `DedupeObject`, and its configuration binds it.
 *
 * @param namespace The binding.
 * @example
 * export { DedupeObject } from '@ezthrottle/core/dedupe/durable-object';
 * const receiver = createReceiver({ secrets, dedupe: durableObjectDedupe(env.DEDUPE) });
 */
export function durableObjectDedupe<Id>(namespace: DedupeNamespace<Id>): DedupeStore {
  const ask = async (id: string, question: DedupeQuestion): Promise<DedupeReply> => {
    const stub = namespace.get(namespace.idFromName(await storedId(id)));
    // The host is never looked up.
    const response = await stub.fetch('https://dedupe.invalid/', {
      method: 'POST',
      body: JSON.stringify(question),
    });
    const reply = response.ok ? await response.json() : null;
    if (reply === 'acquired' || reply === 'in_flight' || reply === 'done') return reply;
    if (reply === 'held' || reply === 'not_held') return reply;
    throw new EZThrottleError(
      `The dedupe object answered ${response.status}; is it DedupeObject?`,
      {
        code: 'dedupe_store_failed',
        retryable: true,
      },
    );
  };
  return {
    async begin(id, { leaseMs, token }) {
      const claim = await ask(id, { verb: 'begin', token, ms: wholeMs('leaseMs', leaseMs) });
      return claim === 'acquired' || claim === 'done' ? claim : 'in_flight';
    },
    async commit(id, token, ttlMs) {
      return (await ask(id, { verb: 'commit', token, ms: wholeMs('ttlMs', ttlMs) })) === 'held';
    },
    async release(id, token) {
      return (await ask(id, { verb: 'release', token, ms: 0 })) === 'held';
    },
  };
}
