import type { Id } from '@ezthrottle/engine';

/** What goes on under an API key for a while, and has to stop when that key is revoked. */
export interface KeyEnds {
  /** Called once, at once when it was revoked already. Returns a function that takes the listener away. */
  onEnd(apiKey: Id, listener: () => void): () => void;
  revoked(apiKey: Id): void;
}

export function createKeyEnds(): KeyEnds {
  const listeners = new Map<Id, Set<() => void>>();
  // For requests that were let in before and begin only now.
  const ended = new Set<Id>();
  return {
    onEnd(apiKey, listener) {
      if (ended.has(apiKey)) {
        listener();
        return () => undefined;
      }
      const ofKey = listeners.get(apiKey) ?? new Set();
      listeners.set(apiKey, ofKey.add(listener));
      return () => {
        ofKey.delete(listener);
        if (ofKey.size === 0 && listeners.get(apiKey) === ofKey) listeners.delete(apiKey);
      };
    },
    revoked(apiKey) {
      ended.add(apiKey);
      const told = listeners.get(apiKey) ?? [];
      listeners.delete(apiKey);
      for (const listener of told) listener();
    },
  };
}
