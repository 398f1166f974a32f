import { EZThrottle } from '@ezthrottle/core';
import { createReceiver, type Receiver, type ReceiverOptions } from '@ezthrottle/core/webhooks';
import { Logger, type FactoryProvider } from '@nestjs/common';
import {
  ApplicationConfig,
  DiscoveryService,
  HttpAdapterHost,
  MetadataScanner,
  ModuleRef,
} from '@nestjs/core';
import { DeliveryExplorer } from './delivery-explorer.ts';
import { EzthrottleHealthIndicator } from './health-indicator.ts';
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
    useFactory: ({ client }: EzthrottleModuleOptions, lifecycle: EzthrottleLifecycle) =>
      client instanceof EZThrottle ? client : lifecycle.endClient(new EZThrottle(client)),
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
    useFactory: (host: HttpAdapterHost, config: ApplicationConfig, path: string) =>
      new UnparsedBody(host, config, path),
    inject: [HttpAdapterHost, ApplicationConfig, EZTHROTTLE_PATH],
  },
  {
    provide: DeliveryExplorer,
    useFactory: (
      receiver: Receiver,
      discovery: DiscoveryService,
      scanner: MetadataScanner,
      modules: ModuleRef,
    ) => new DeliveryExplorer(receiver, discovery, scanner, modules),
    inject: [EZTHROTTLE_RECEIVER, DiscoveryService, MetadataScanner, ModuleRef],
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
