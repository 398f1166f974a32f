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

/**
 * Runs each entry, one after the other. One that fails does not keep the next from running. Nothing
 * starts once the signal is aborted.
 *
 * @param report - Told of what does not make the delivery fail.
 */
export async function runHandlers(
  entries: readonly HandlerEntry[],
  delivery: Delivery,
  context: HandlerContext,
  report: (error: unknown) => void,
): Promise<void> {
  const failures: unknown[] = [];
  for (const { run, onMismatch } of entries) {
    context.signal.throwIfAborted();
    try {
      await run(delivery, context);
    } catch (error) {
      if (onMismatch === 'skip' && error instanceof ResponseBodyError) report(error);
      else failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new HandlersFailedError(failures);
}
