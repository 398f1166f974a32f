/** The client and the webhook receiver as a NestJS module. */
export { EzthrottleModule } from './ezthrottle-module.ts';
export { EzthrottleHealthIndicator, type EzthrottleHealth } from './health-indicator.ts';
export type { EzthrottleModuleExtras, EzthrottleModuleOptions } from './module-options.ts';
export {
  OnDelivery,
  type DeliveryMethodDecorator,
  type DeliverySelector,
} from './on-delivery.ts';
export {
  EZTHROTTLE_OPTIONS,
  EZTHROTTLE_PATH,
  EZTHROTTLE_RECEIVER,
  InjectReceiver,
} from './tokens.ts';
export { WebhookRefusedException } from './webhook-refused-exception.ts';
