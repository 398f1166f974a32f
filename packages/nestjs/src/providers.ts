import { EZThrottle } from '@ezthrottle/core';
import { createReceiver, type Receiver, type ReceiverOptions } from '@ezthrottle/core/webhooks';
import { Logger, type FactoryProvider } from '@nestjs/common';
import { DiscoveryService, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { ClientUsers } from './client-users.ts';
import { DeliveryExplorer } from './delivery-explorer.ts';
import { EzthrottleHealthIndicator } from './health-indicator.ts';
import { missingClient } from './missing-client.ts';
import { EzthrottleLifecycle } from './lifecycle.ts';
import type { EzthrottleModuleOptions } from './module-options.ts';
import { EZTHROTTLE_OPTIONS, EZTHROTTLE_PATH, EZTHROTTLE_RECEIVER } from './tokens.ts';
import { UnparsedBody } from './unparsed-body.ts';

/** Everything the module provides: by factories, so that no decorator metadata is needed. */
export const PROVIDERS: readonly FactoryProvider[] = [
  {
    provide: EzthrottleLifecycle,
    useFactory: () => new EzthrottleLifecycle(),
  },
  {
    provide: EZThrottle,
    useFactory: ({ client }: EzthrottleModuleOptions, lifecycle: EzthrottleLifecycle) => {
      if (client instanceof EZThrottle) return client;
      if (client === undefined && !process.env['EZTHROTTLE_API_KEY']) return missingClient();
      return lifecycle.endClient(new EZThrottle(client));
    },
    inject: [EZTHROTTLE_OPTIONS, EzthrottleLifecycle],
  },
  {
    provide: EZTHROTTLE_RECEIVER,
    useFactory: (
      { receiver }: EzthrottleModuleOptions,
      client: EZThrottle,
      lifecycle: EzthrottleLifecycle,
    ) => {
      const given = typeof receiver === 'function' ? receiver(client) : receiver;
      return 'receive' in given ? given : lifecycle.endReceiver(receiverOf(given));
    },
    inject: [EZTHROTTLE_OPTIONS, EZThrottle, EzthrottleLifecycle],
  },
  {
    provide: UnparsedBody,
    useFactory: (host: HttpAdapterHost, path: string) => new UnparsedBody(host, path),
    inject: [HttpAdapterHost, EZTHROTTLE_PATH],
  },
  {
    provide: DeliveryExplorer,
    useFactory: (receiver: Receiver, discovery: DiscoveryService, modules: ModuleRef) =>
      new DeliveryExplorer(receiver, discovery, modules),
    inject: [EZTHROTTLE_RECEIVER, DiscoveryService, ModuleRef],
  },
  {
    provide: ClientUsers,
    useFactory: (client: EZThrottle, discovery: DiscoveryService) =>
      new ClientUsers(client, discovery),
    inject: [EZThrottle, DiscoveryService],
  },
  {
    provide: EzthrottleHealthIndicator,
    useFactory: (client: EZThrottle) => new EzthrottleHealthIndicator(client),
    inject: [EZThrottle],
  },
];

const logger = new Logger('EZThrottle');

function receiverOf(options: ReceiverOptions): Receiver {
  const onError = (error: unknown): void =>
    logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return createReceiver({ onError, ...options });
}
