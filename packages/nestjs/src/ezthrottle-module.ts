import { EZThrottle } from '@ezthrottle/core';
import {
  ConfigurableModuleBuilder,
  Module,
  type ConfigurableModuleCls,
  type DynamicModule,
} from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { EzthrottleHealthIndicator } from './health-indicator.ts';
import {
  DEFAULT_EXTRAS,
  DEFAULT_PATH,
  type EzthrottleModuleExtras,
  type EzthrottleModuleOptions,
} from './module-options.ts';
import { PROVIDERS } from './providers.ts';
import { EZTHROTTLE_OPTIONS, EZTHROTTLE_PATH, EZTHROTTLE_RECEIVER } from './tokens.ts';
import { createWebhookController } from './webhook-controller.ts';

type Configurable = ConfigurableModuleCls<
  EzthrottleModuleOptions,
  'forRoot',
  'createEzthrottleOptions',
  EzthrottleModuleExtras
>;

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<EzthrottleModuleOptions>({
  moduleName: 'Ezthrottle',
  optionsInjectionToken: EZTHROTTLE_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createEzthrottleOptions')
  .setExtras<EzthrottleModuleExtras>(DEFAULT_EXTRAS, withWebhook)
  .build();

const Base: Configurable = ConfigurableModuleClass;

/**
 * The client, the receiver and its route, and the `@OnDelivery` handlers of the application.
 *
 * @example
 * EzthrottleModule.forRoot({ client: { apiKey }, receiver: { secrets }, path: 'webhooks/ezthrottle' })
 */
export class EzthrottleModule extends Base {}

Module({
  imports: [DiscoveryModule],
  providers: [...PROVIDERS],
  exports: [EZThrottle, EZTHROTTLE_RECEIVER, EZTHROTTLE_PATH, EzthrottleHealthIndicator],
})(EzthrottleModule);

function withWebhook(definition: DynamicModule, extras: EzthrottleModuleExtras): DynamicModule {
  const { path = DEFAULT_PATH, isGlobal = false, decorators = [] } = extras;
  return {
    ...definition,
    global: isGlobal,
    controllers: [createWebhookController(path, decorators)],
    providers: [...(definition.providers ?? []), { provide: EZTHROTTLE_PATH, useValue: path }],
  };
}
