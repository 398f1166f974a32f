import { isPending, type Awaitable } from '../awaitable.ts';
import type { Delivery } from '../protocol/decode-delivery.ts';
import type {
  BodyHandler,
  DeliveryHandler,
  HandlerContext,
  HandlerOptions,
} from './delivery-handler.ts';
import { HandlersFailedError, ResponseBodyError } from './errors.ts';
import { validBody } from './response-body.ts';

/** A handler, and how it is run. */
export interface HandlerEntry {
  /** As it was given: one that was registered under several names runs once for a delivery. */
  readonly handler: unknown;
  readonly run: (delivery: Delivery, context: HandlerContext) => unknown;
  readonly onMismatch: 'fail' | 'skip';
}

export function plainEntry(handler: DeliveryHandler): HandlerEntry {
  return { handler, run: handler, onMismatch: 'fail' };
}

export function checkedEntry<Body>(
  { schema, onMismatch = 'fail' }: HandlerOptions<Body>,
  handler: BodyHandler<Body>,
): HandlerEntry {
  const run: HandlerEntry['run'] = async (delivery, context) => {
    const body = await validBody(delivery, schema);
    context.signal.throwIfAborted();
    await handler({ ...delivery, body }, context);
  };
  return { handler, run, onMismatch };
}

interface HandlerRun {
  readonly delivery: Delivery;
  readonly context: HandlerContext;
  /** Throws when the time for handling is over: nothing starts then. */
  readonly throwIfUp: () => void;
  /** Told of what does not make the delivery fail. */
  readonly report: (error: unknown) => void;
}

/**
 * Runs each entry, one after the other; those that wait for nothing all in one turn. One that fails does
 * not keep the next from running.
 */
export function runHandlers(
  entries: readonly HandlerEntry[],
  { delivery, context, throwIfUp, report }: HandlerRun,
): Awaitable<void> {
  const failures: unknown[] = [];
  const runFrom = (first: number): Awaitable<void> => {
    for (let index = first; index < entries.length; index += 1) {
      const entry = entries[index];
      if (entry === undefined) break;
      throwIfUp();
      const failed = (error: unknown): void => {
        const isSkipped = entry.onMismatch === 'skip' && error instanceof ResponseBodyError;
        if (isSkipped) report(error);
        else failures.push(error);
      };
      try {
        const ran = entry.run(delivery, context);
        if (isPending(ran)) {
          const settled = Promise.resolve(ran).then(nothing, failed);
          return settled.then(() => runFrom(index + 1));
        }
      } catch (error) {
        failed(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new HandlersFailedError(failures);
  };
  return runFrom(0);
}

function nothing(): void {}
