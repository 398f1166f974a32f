import type { DeliveryHandler, HandlerOptions, Receiver } from '@ezthrottle/core/webhooks';
import type { DeliverySelector, DeliverySubscription } from './on-delivery.ts';

/** Gives the receiver a handler for what `@OnDelivery` asked for. */
export function subscribe(
  receiver: Receiver,
  { selector, options }: DeliverySubscription,
  handler: DeliveryHandler,
): void {
  if (options === undefined) subscribePlainly(receiver, selector, handler);
  else subscribeChecked(receiver, selector, options, handler);
}

function subscribePlainly(
  receiver: Receiver,
  selector: DeliverySelector,
  handler: DeliveryHandler,
): void {
  if (selector === 'any') receiver.onAny(handler);
  else if (typeof selector === 'string') receiver.on(selector, handler);
  else if ('key' in selector) receiver.onKey(selector.key, handler);
  else receiver.onTag(selector.tag, handler);
}

function subscribeChecked(
  receiver: Receiver,
  selector: DeliverySelector,
  options: HandlerOptions<unknown>,
  handler: DeliveryHandler,
): void {
  if (selector === 'any') receiver.onAny(options, handler);
  else if (typeof selector === 'string') receiver.on(selector, options, handler);
  else if ('key' in selector) receiver.onKey(selector.key, options, handler);
  else receiver.onTag(selector.tag, options, handler);
}
