import type { DeliveryHandler, Receiver } from '@ezthrottle/core/webhooks';
import type { OnApplicationBootstrap } from '@nestjs/common';
import {
  ContextIdFactory,
  type DiscoveryService,
  type MetadataScanner,
  type ModuleRef,
} from '@nestjs/core';
import { subscriptionsOf } from './on-delivery.ts';
import { subscribe } from './subscribe.ts';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Gives the receiver every method of the application that says `@OnDelivery`. */
export class DeliveryExplorer implements OnApplicationBootstrap {
  readonly #receiver: Receiver;
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  readonly #modules: ModuleRef;

  constructor(
    receiver: Receiver,
    discovery: DiscoveryService,
    scanner: MetadataScanner,
    modules: ModuleRef,
  ) {
    this.#receiver = receiver;
    this.#discovery = discovery;
    this.#scanner = scanner;
    this.#modules = modules;
  }

  onApplicationBootstrap(): void {
    for (const wrapper of [
      ...this.#discovery.getProviders(),
      ...this.#discovery.getControllers(),
    ]) {
      const prototype = prototypeOf(wrapper);
      if (prototype === null) continue;
      for (const name of this.#scanner.getAllMethodNames(prototype)) {
        for (const subscription of subscriptionsOf(methodOf(prototype, name))) {
          subscribe(this.#receiver, subscription, this.#handlerOf(wrapper, name));
        }
      }
    }
  }

  #handlerOf(wrapper: Wrapper, name: string): DeliveryHandler {
    return async (delivery, handling) => {
      const instance: unknown = wrapper.isDependencyTreeStatic()
        ? wrapper.instance
        : await this.#resolve(wrapper, handling.context);
      return methodOf(instance, name)?.call(instance, delivery, handling);
    };
  }

  /** Providers of the request's scope are made for each delivery, with the request to inject. */
  async #resolve(wrapper: Wrapper, request: unknown): Promise<unknown> {
    const contextId = ContextIdFactory.create();
    this.#modules.registerRequestByContextId(request, contextId);
    return this.#modules.resolve(wrapper.token, contextId, { strict: false });
  }
}

/** Null for values that are no instances of a class, and for aliases, whose target is found by itself. */
function prototypeOf(wrapper: Wrapper): object | null {
  if (wrapper.isAlias) return null;
  const { instance, metatype } = wrapper;
  if (typeof instance === 'object' && instance !== null) return Object.getPrototypeOf(instance);
  return wrapper.isDependencyTreeStatic() ? null : (metatype?.prototype ?? null);
}

function methodOf(holder: unknown, name: string): DeliveryHandler | null {
  if (typeof holder !== 'object' || holder === null) return null;
  const method: unknown = Reflect.get(holder, name);
  return isHandler(method) ? method : null;
}

function isHandler(value: unknown): value is DeliveryHandler {
  return typeof value === 'function';
}
