import type { Delivery } from '../protocol/decode-delivery.ts';
import { HandlersFailedError } from './errors.ts';

export interface HandlerContext {
  /**
   * Aborted when the time for handling is up, or when whoever called `receive` gave up. From then on
   * the delivery counts as failed and comes again, whatever the handler does.
   */
  readonly signal: AbortSignal;
  /** What the adapter passed along, such as the framework's request or environment. */
  readonly context: unknown;
}

/**
 * A rejection has the delivery sent again, and then every handler that matches runs again. Handlers run
 * beside what continues the job, whatever becomes of that.
 */
export type DeliveryHandler = (delivery: Delivery, context: HandlerContext) => unknown;

/** Takes the handler away again. */
export type Unsubscribe = () => void;

/** Knows who wants which delivery. */
export class HandlerRegistry {
  readonly #byKey = new Map<string, Set<DeliveryHandler>>();
  readonly #byTag = new Map<string, Set<DeliveryHandler>>();
  readonly #byStatus = new Map<string, Set<DeliveryHandler>>();
  readonly #any = new Map<'any', Set<DeliveryHandler>>();

  onKey(key: string, handler: DeliveryHandler): Unsubscribe {
    return add(this.#byKey, key, handler);
  }

  onTag(tag: string, handler: DeliveryHandler): Unsubscribe {
    return add(this.#byTag, tag, handler);
  }

  onStatus(status: Delivery['status'], handler: DeliveryHandler): Unsubscribe {
    return add(this.#byStatus, status, handler);
  }

  onAny(handler: DeliveryHandler): Unsubscribe {
    return add(this.#any, 'any', handler);
  }

  /**
   * Runs each handler that matches, one after the other: by key, by tag, by status, then those for
   * any. One that fails does not keep the next from running. Nothing starts once the signal is aborted.
   */
  async dispatch(delivery: Delivery, context: HandlerContext): Promise<void> {
    const failures: unknown[] = [];
    for (const handler of this.#matching(delivery)) {
      context.signal.throwIfAborted();
      try {
        await handler(delivery, context);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new HandlersFailedError(failures);
  }

  /** A handler registered under several of these runs once. */
  #matching(delivery: Delivery): Set<DeliveryHandler> {
    const key = delivery.idempotentKey;
    return new Set([
      ...(key === null ? [] : (this.#byKey.get(key) ?? [])),
      ...delivery.tags.flatMap((tag) => [...(this.#byTag.get(tag) ?? [])]),
      ...(this.#byStatus.get(delivery.status) ?? []),
      ...(this.#any.get('any') ?? []),
    ]);
  }
}

function add<Name extends string>(
  handlers: Map<Name, Set<DeliveryHandler>>,
  name: Name,
  handler: DeliveryHandler,
): Unsubscribe {
  const known = handlers.get(name) ?? new Set();
  handlers.set(name, known.add(handler));
  return () => {
    known.delete(handler);
    if (known.size === 0 && handlers.get(name) === known) handlers.delete(name);
  };
}
