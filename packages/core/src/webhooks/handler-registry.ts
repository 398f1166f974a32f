import type { Delivery } from '../protocol/decode-delivery.ts';
import type { Unsubscribe } from './delivery-handler.ts';
import type { HandlerEntry } from './handler-entry.ts';

/** What a handler is chosen by. */
export type HandlerKind = 'key' | 'tag' | 'event' | 'any';

/** Knows who wants which delivery. */
export class HandlerRegistry {
  readonly #entries: Readonly<Record<HandlerKind, Map<string, Set<HandlerEntry>>>> = {
    key: new Map(),
    tag: new Map(),
    event: new Map(),
    any: new Map(),
  };

  add(kind: HandlerKind, name: string, entry: HandlerEntry): Unsubscribe {
    const entries = this.#entries[kind];
    const known = entries.get(name) ?? new Set();
    entries.set(name, known.add(entry));
    return () => {
      known.delete(entry);
      if (known.size === 0 && entries.get(name) === known) entries.delete(name);
    };
  }

  /** In the order in which they run: by key, by tag, by status, by event, then those for any. */
  matching(delivery: Delivery): readonly HandlerEntry[] {
    const { idempotentKey, tags, status, event } = delivery;
    const { key, tag, event: byEvent, any } = this.#entries;
    const found: HandlerEntry[] = [];
    if (idempotentKey !== null && key.size > 0) addAll(found, key.get(idempotentKey));
    if (tag.size > 0) for (const each of tags) addAll(found, tag.get(each));
    addAll(found, byEvent.get(status));
    // A sender's own word for it never stands for an end that the job did not have.
    if (event !== undefined && !isEnd(event)) addAll(found, byEvent.get(event));
    addAll(found, any.get(''));
    return found;
  }
}

/** A handler that was registered under several names counts where it is found first. */
function addAll(found: HandlerEntry[], entries: ReadonlySet<HandlerEntry> | undefined): void {
  if (entries === undefined) return;
  for (const entry of entries) {
    if (!found.some(({ handler }) => handler === entry.handler)) found.push(entry);
  }
}

function isEnd(event: string): boolean {
  return event === 'success' || event === 'failed';
}
