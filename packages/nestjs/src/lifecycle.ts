import type { EZThrottle } from '@ezthrottle/core';
import type { Receiver } from '@ezthrottle/core/webhooks';
import type { BeforeApplicationShutdown, OnApplicationShutdown } from '@nestjs/common';

/**
 * Ends in order with the application: the receiver takes nothing more and what it handles is answered
 * while the server still has its connections; then the client ends what runs here.
 */
export class EzthrottleLifecycle implements BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #client: EZThrottle;
  readonly #receiver: Receiver;

  constructor(client: EZThrottle, receiver: Receiver) {
    this.#client = client;
    this.#receiver = receiver;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#receiver.close();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#client.close();
  }
}
