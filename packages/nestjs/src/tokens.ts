import { Inject } from '@nestjs/common';

/** The options given to `forRoot` or made by `forRootAsync`. Symbols of the registry are the same in every copy. */
export const EZTHROTTLE_OPTIONS: unique symbol = Symbol.for('@ezthrottle/nestjs:options');

/** The receiver, an interface of `@ezthrottle/core/webhooks`. The client's token is its class. */
export const EZTHROTTLE_RECEIVER: unique symbol = Symbol.for('@ezthrottle/nestjs:receiver');

/** Where the webhook is, as it was given to the module. */
export const EZTHROTTLE_PATH: unique symbol = Symbol.for('@ezthrottle/nestjs:path');

/** Injects the receiver, to add handlers or to wait for a job. */
export function InjectReceiver(): PropertyDecorator & ParameterDecorator {
  return Inject(EZTHROTTLE_RECEIVER);
}
