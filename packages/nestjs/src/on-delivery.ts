import type {
  BodyHandler,
  DeliveryEvent,
  DeliveryHandler,
  HandlerOptions,
} from '@ezthrottle/core/webhooks';
import { SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

/**
 * Which deliveries a method handles: by how the job ended (`success`, `failed`, or what else its sender
 * calls it), every one (`any`), or those of a key or a tag, however the job ended.
 */
export type DeliverySelector = DeliveryEvent | { readonly key: string } | { readonly tag: string };

/** Not for static methods: a class has a `prototype`, what its methods stand on has none. */
export type DeliveryMethodDecorator<Handler> = <Method extends Handler>(
  prototype: object & { readonly prototype?: never },
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** One `@OnDelivery` of a method. */
export interface DeliverySubscription {
  readonly selector: DeliverySelector;
  readonly options?: HandlerOptions<unknown>;
}

const SUBSCRIPTIONS = '@ezthrottle/nestjs:on-delivery';
const reflector = new Reflector();

/**
 * Has a method of a provider or controller handle deliveries. What it throws has the delivery sent
 * again. It may stand on a method several times. With a schema, the body of the response is checked
 * first and handed over as `delivery.body`. Throws `TypeError` on a static method or a getter.
 *
 * @example
 * @OnDelivery('success')
 * async ship(delivery: Delivery): Promise<void> { … }
 */
export function OnDelivery(selector: DeliverySelector): DeliveryMethodDecorator<DeliveryHandler>;
export function OnDelivery<Body>(
  selector: DeliverySelector,
  options: HandlerOptions<Body>,
): DeliveryMethodDecorator<BodyHandler<Body>>;
export function OnDelivery(
  selector: DeliverySelector,
  options?: HandlerOptions<unknown>,
): DeliveryMethodDecorator<object> {
  return (prototype, name, descriptor) => {
    refuseOthers(prototype, name, descriptor);
    const subscription = { selector, ...(options === undefined ? {} : { options }) };
    const others = subscriptionsOf(descriptor.value);
    SetMetadata(SUBSCRIPTIONS, [subscription, ...others])(prototype, name, descriptor);
  };
}

/** What would never run is a mistake to be told at once, not at the first delivery that is lost. */
function refuseOthers(target: object, name: string | symbol, { value }: PropertyDescriptor): void {
  const isStatic = typeof target === 'function';
  if (!isStatic && typeof value === 'function') return;
  const owner = isStatic ? target.name : target.constructor.name;
  throw new TypeError(
    `@OnDelivery stands on ${owner}.${String(name)}, which is ${isStatic ? 'static' : 'no method'}: ` +
      'put it on a method of the instances that Nest makes.',
  );
}

/** What `@OnDelivery` said about a method, in the order of its decorators. */
export function subscriptionsOf(method: unknown): readonly DeliverySubscription[] {
  if (typeof method !== 'function') return [];
  const known: unknown = reflector.get(SUBSCRIPTIONS, Object(method));
  return Array.isArray(known) ? known : [];
}
