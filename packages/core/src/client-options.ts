import { CONNECTION_CHECKS, type ChecksOf, type ConnectionOptions } from './connection.ts';
import {
  wantAddress,
  wantAtLeast,
  wantFunction,
  wantOneOrMore,
  wantYesOrNo,
} from './option-checks.ts';
import type { SealingKeys } from './step/continuation-seal.ts';

/** Everything may be left out or `undefined`, so that variables of the environment can be passed as they are. */
export interface EZThrottleOptions extends ConnectionOptions, SealingKeys {
  /** Sends every call through the metering proxy at this address. */
  readonly tracktagsUrl?: string | undefined;
  /**
   * Endpoint of this application that carries on with FRUGAL steps, for jobs without a webhook of
   * their own. Whoever receives there opens what `continuationKey` or `webhookSecret` has sealed.
   */
  readonly continueAt?: string | undefined;
  /**
   * Told of each step that followed another and failed with an error; `edge` is for example
   * `onSuccess`. Should it throw or reject itself, that is written to the console. Default: nothing is
   * done, and the error stands in the result's `children`.
   */
  readonly onChildError?: ((error: unknown, edge: string) => unknown) | undefined;
  /** Bytes kept of a target's answer to a call made here. Default 1 MiB. */
  readonly maxResponseBytes?: number | undefined;
  /** Whether a call without any answer starts a fallback with `triggerOnError`. Default true. */
  readonly networkErrorTriggersFallback?: boolean | undefined;
  /** Whether a forwarded job tries fallbacks again that have failed here. Default false. */
  readonly retryFallbacksRemotely?: boolean | undefined;
}

export const CLIENT_CHECKS: ChecksOf<EZThrottleOptions> = {
  ...CONNECTION_CHECKS,
  tracktagsUrl: wantAddress,
  continueAt: wantAddress,
  onChildError: wantFunction,
  maxResponseBytes: wantAtLeast(0),
  networkErrorTriggersFallback: wantYesOrNo,
  retryFallbacksRemotely: wantYesOrNo,
  // Whoever seals checks what is in them.
  continuationKey: wantOneOrMore(
    (key) => typeof key === 'string' || key instanceof Uint8Array,
    '32 bytes, as a Uint8Array or in base64, or a list of such',
  ),
  webhookSecret: wantOneOrMore(
    (secret) => typeof secret === 'string',
    'a string, or a list of such',
  ),
};
