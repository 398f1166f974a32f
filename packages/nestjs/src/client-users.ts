import type { EZThrottle } from '@ezthrottle/core';
import type { OnModuleInit } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';
import { clientIsMissing, isMissingClient } from './missing-client.ts';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Ends the start of an application that has a client injected which its module cannot make. */
export class ClientUsers implements OnModuleInit {
  readonly #client: EZThrottle;
  readonly #discovery: DiscoveryService;

  constructor(client: EZThrottle, discovery: DiscoveryService) {
    this.#client = client;
    this.#discovery = discovery;
  }

  onModuleInit(): void {
    if (!isMissingClient(this.#client)) return;
    const wrappers = [...this.#discovery.getProviders(), ...this.#discovery.getControllers()];
    // What this module makes for itself gets by without, as long as nobody asks it for the client.
    const module = wrappers.find(({ instance }) => instance === this)?.host;
    const users = wrappers.filter(
      (wrapper) => wrapper.host !== module && this.#isInjectedInto(wrapper),
    );
    if (users.length > 0) throw clientIsMissing(users.map(({ name }) => String(name)));
  }

  #isInjectedInto(wrapper: Wrapper): boolean {
    // Undefined for what nothing is injected into, whatever Nest's types say.
    const parameters: readonly (Wrapper | undefined)[] | undefined = wrapper.getCtorMetadata();
    const properties: readonly { readonly wrapper: Wrapper }[] | undefined =
      wrapper.getPropertiesMetadata();
    return [...(parameters ?? []), ...(properties ?? []).map((property) => property.wrapper)].some(
      (injected) => injected?.instance === this.#client,
    );
  }
}
