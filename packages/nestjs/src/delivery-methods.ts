import { subscriptionsOf, type DeliverySubscription } from './on-delivery.ts';

export interface DeliveryMethod {
  readonly name: string | symbol;
  readonly subscriptions: readonly DeliverySubscription[];
}

/** The methods of a class that say `@OnDelivery`, those that it inherits included. */
export function deliveryMethodsOf(prototype: object): readonly DeliveryMethod[] {
  return namesOf(prototype).flatMap((name) => {
    const subscriptions = subscriptionsOf(methodNamed(prototype, name));
    return subscriptions.length === 0 ? [] : [{ name, subscriptions }];
  });
}

function namesOf(prototype: object): readonly (string | symbol)[] {
  const names = new Set<string | symbol>();
  for (let at: object | null = prototype; at !== null; at = Reflect.getPrototypeOf(at)) {
    if (at === Object.prototype) break;
    for (const name of Reflect.ownKeys(at)) names.add(name);
  }
  return [...names];
}

/** Without running getters. */
function methodNamed(prototype: object, name: string | symbol): unknown {
  for (let at: object | null = prototype; at !== null; at = Reflect.getPrototypeOf(at)) {
    const property = Object.getOwnPropertyDescriptor(at, name);
    if (property !== undefined) return property.value;
  }
  return undefined;
}
