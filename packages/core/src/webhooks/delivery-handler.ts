import type { Delivery } from '../protocol/decode-delivery.ts';
import type { StandardSchema } from './standard-schema.ts';

export interface HandlerContext {
  /**
   * Made when it is asked for first, so a copy by spreading lacks it. Aborted when the time for handling is up, or when whoever called `receive` gave up. From then on
   * the delivery counts as failed and comes again, whatever the handler does.
   */
  readonly signal: AbortSignal;
  /** What the adapter passed along, such as the framework's request or environment. */
  readonly context: unknown;
  /** When the time for handling is up, in milliseconds since the epoch, by the receiver's clock. */
  readonly deadlineAt: number;
  /** What is left of that time, in milliseconds; 0 when it is up. */
  readonly remainingMs: () => number;
}

/**
 * A rejection has the delivery sent again, and then every handler that matches runs again. Handlers run
 * beside what continues the job, whatever becomes of that.
 */
export type DeliveryHandler = (delivery: Delivery, context: HandlerContext) => unknown;

/** A delivery whose response is what a schema asks for. */
export interface DeliveryWithBody<Body> extends Delivery {
  /** The body of the response, as the schema gave it. */
  readonly body: Body;
}

export type BodyHandler<Body> = (
  delivery: DeliveryWithBody<Body>,
  context: HandlerContext,
) => unknown;

export interface HandlerOptions<Body> {
  /** What the body of the response must be; it is checked before the handler runs. */
  readonly schema: StandardSchema<Body>;
  /**
   * When it is something else: `fail` counts as a failure of the handler, so the delivery comes again
   * and is kept as dead in the end; `skip` passes the handler over. Either way `onError` is told.
   * Default `fail`.
   */
  readonly onMismatch?: 'fail' | 'skip';
}

/**
 * How the job ended, or what else its sender calls it: the `event` of the payload, else its `type`.
 * Servers of this project send neither.
 */
// Not just `string`: editors then still propose the two.
export type DeliveryEvent = Delivery['status'] | (string & {});

/** Takes the handler away again. */
export type Unsubscribe = () => void;
