import { EZThrottle } from '@ezthrottle/core';
import { toReceiver, type Receiver } from '@ezthrottle/core/webhooks';
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
    provide: EZThrottle,
    useFactory: ({ client }: EzthrottleModuleOptions) =>
      client instanceof EZThrottle ? client : new EZThrottle(client),
    inject: [EZTHROTTLE_OPTIONS],
  },
  {
    provide: EZTHROTTLE_RECEIVER,
    useFactory: receiverOf,
    inject: [EZTHROTTLE_OPTIONS, EZThrottle],
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
    provide: EzthrottleLifecycle,
    useFactory: (client: EZThrottle, receiver: Receiver) =>
      new EzthrottleLifecycle(client, receiver),
    inject: [EZThrottle, EZTHROTTLE_RECEIVER],
  },
  {
    provide: EzthrottleHealthIndicator,
    useFactory: (client: EZThrottle) => new EzthrottleHealthIndicator(client),
    inject: [EZThrottle],
  },
];

/** @throws {ReceiverConfigurationError} while the application starts, when the options cannot work. */
function receiverOf({ receiver }: EzthrottleModuleOptions, client: EZThrottle): Receiver {
  const given = typeof receiver === 'function' ? receiver(client) : receiver;
  if ('receive' in given) return given;
  return toReceiver({ onError: logError, ...given });
}

const logger = new Logger('EZThrottle');

function logError(error: unknown): void {
  logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
