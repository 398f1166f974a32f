import type { DeliveryHandler } from '@ezthrottle/core/webhooks';
import { SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

/** Which deliveries a method handles: by how the job ended, or by its key or tag, however it ended. */
export type DeliverySelector =
  | 'success'
  | 'failed'
  | 'any'
  | { readonly key: string }
  | { readonly tag: string };

export type DeliveryMethodDecorator = <Method extends DeliveryHandler>(
  prototype: object,
  name: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

const SELECTORS = '@ezthrottle/nestjs:on-delivery';
const reflector = new Reflector();

/**
 * Has a method of a provider or controller handle deliveries. What it throws has the delivery sent
 * again. It may stand on a method several times.
 *
 * @example
 * @OnDelivery('success')
 * async ship(delivery: Delivery): Promise<void> { … }
 */
export function OnDelivery(selector: DeliverySelector): DeliveryMethodDecorator {
  return (prototype, name, descriptor) => {
    const { value } = descriptor;
    if (value === undefined) return;
    SetMetadata(SELECTORS, [selector, ...selectorsOf(value)])(prototype, name, descriptor);
  };
}

/** What `@OnDelivery` said about a method, in the order of its decorators. */
export function selectorsOf(method: DeliveryHandler): readonly DeliverySelector[] {
  return reflector.get<readonly DeliverySelector[] | undefined>(SELECTORS, method) ?? [];
}
