import type { DeliveryHandler, Receiver } from '@ezthrottle/core/webhooks';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, type DiscoveryService } from '@nestjs/core';
import { deliveryMethodsOf } from './delivery-methods.ts';
import { subscribe } from './subscribe.ts';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
/** The object whose methods handle a delivery that came with this request. */
type InstanceFor = (request: unknown) => unknown;

/** Gives the receiver every method of the application that says `@OnDelivery`. */
export class DeliveryExplorer implements OnApplicationBootstrap {
  readonly #receiver: Receiver;
  readonly #discovery: DiscoveryService;
  readonly #modules: ModuleRef;

  constructor(receiver: Receiver, discovery: DiscoveryService, modules: ModuleRef) {
    this.#receiver = receiver;
    this.#discovery = discovery;
    this.#modules = modules;
  }

  async onApplicationBootstrap(): Promise<void> {
    const wrappers = [...this.#discovery.getProviders(), ...this.#discovery.getControllers()];
    for (const wrapper of wrappers) {
      const prototype = prototypeOf(wrapper);
      if (prototype === null) continue;
      const methods = deliveryMethodsOf(prototype);
      if (methods.length === 0) continue;
      const instanceFor = await this.#instancesOf(wrapper);
      for (const { name, subscriptions } of methods) {
        const handler = handlerOf(instanceFor, name);
        for (const subscription of subscriptions) subscribe(this.#receiver, subscription, handler);
      }
    }
  }

  async #instancesOf(wrapper: Wrapper): Promise<InstanceFor> {
    if (!wrapper.isDependencyTreeStatic()) return (request) => this.#resolve(wrapper, request);
    if (!wrapper.isTransient) return () => wrapper.instance;
    // Nest makes one for each that injects it: this one is the receiver's.
    const own: unknown = await this.#modulesOf(wrapper).resolve(wrapper.token);
    return () => own;
  }

  /** Providers of the request's scope are made for each delivery, with the request to inject. */
  async #resolve(wrapper: Wrapper, request: unknown): Promise<unknown> {
    const contextId = ContextIdFactory.create();
    const modules = this.#modulesOf(wrapper);
    modules.registerRequestByContextId(request, contextId);
    return modules.resolve(wrapper.token, contextId);
  }

  /** Several modules may provide the same class: each has instances of its own. */
  #modulesOf({ host }: Wrapper): ModuleRef {
    return host?.getProviderByKey<ModuleRef>(ModuleRef).instance ?? this.#modules;
  }
}

/** Null for values that are no instances of a class, and for aliases, whose target is found by itself. */
function prototypeOf(wrapper: Wrapper): object | null {
  if (wrapper.isAlias) return null;
  const { instance, metatype } = wrapper;
  if (typeof instance === 'object' && instance !== null) return Object.getPrototypeOf(instance);
  return wrapper.isDependencyTreeStatic() ? null : (metatype?.prototype ?? null);
}

function handlerOf(instanceFor: InstanceFor, name: string | symbol): DeliveryHandler {
  return async (delivery, handling) => {
    const instance = Object(await instanceFor(handling.context));
    const method: unknown = Reflect.get(instance, name);
    // Never to be taken for handled: there is nothing that could have been.
    if (!isHandler(method)) throw new TypeError(`There is no method ${String(name)} any more.`);
    return method.call(instance, delivery, handling);
  };
}

function isHandler(value: unknown): value is DeliveryHandler {
  return typeof value === 'function';
}
