import type { EZThrottle, EZThrottleOptions } from '@ezthrottle/core';
import type { Receiver, ReceiverOptions } from '@ezthrottle/core/webhooks';

/** What `forRoot` takes, and what the factory of `forRootAsync` gives. */
export interface EzthrottleModuleOptions {
  /**
   * The client, or its options. Default: made from the environment; without `EZTHROTTLE_API_KEY` there
   * is none, and an application that has it injected does not start.
   */
  readonly client?: EZThrottle | EZThrottleOptions;
  /**
   * The receiver, its options, or how to make either with the client, such as for
   * `continuations: client.continuations()`. Errors go to Nest's logger unless `onError` is given.
   */
  readonly receiver:
    | Receiver
    | ReceiverOptions
    | ((client: EZThrottle) => Receiver | ReceiverOptions);
}

/** What must be known before anything is injected: `forRoot` and `forRootAsync` both take it beside the rest. */
export interface EzthrottleModuleExtras {
  /** Route of the webhook, below the application's global prefix, as the platform writes paths. Default `webhooks/ezthrottle`. */
  readonly path?: string;
  /** Whether every module can inject what this one exports. Default false. */
  readonly isGlobal?: boolean;
  /** Put on the controller of the webhook, such as `[SkipThrottle(), Public()]` for the guards of the application. */
  readonly decorators?: readonly ClassDecorator[];
}

export const DEFAULT_PATH = 'webhooks/ezthrottle';

export const DEFAULT_EXTRAS: Required<EzthrottleModuleExtras> = {
  path: DEFAULT_PATH,
  isGlobal: false,
  decorators: [],
};
