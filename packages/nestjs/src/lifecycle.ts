import type { EZThrottle } from '@ezthrottle/core';
import type { Receiver } from '@ezthrottle/core/webhooks';
import type { BeforeApplicationShutdown, OnApplicationShutdown } from '@nestjs/common';

/**
 * Ends in order with the application: the receiver takes nothing more, and what it handles is answered
 * while the server still has its connections; then the client ends what runs here. What was handed in
 * made may serve others as well: it is not ours to close.
 */
export class EzthrottleLifecycle implements BeforeApplicationShutdown, OnApplicationShutdown {
  #client: EZThrottle | null = null;
  #receiver: Receiver | null = null;

  endClient(client: EZThrottle): EZThrottle {
    this.#client = client;
    return client;
  }

  endReceiver(receiver: Receiver): Receiver {
    this.#receiver = receiver;
    return receiver;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#receiver?.close();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#client?.close();
  }
}
