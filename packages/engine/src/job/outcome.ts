/**
 * What one attempt gave, as the rules see it: no bodies, so that it stays small.
 * The body of a response travels beside it (`StoredResponse`) straight to the store.
 */
export type Outcome =
  | {
      readonly kind: 'response';
      readonly status: number;
      /** Names in lower case. */
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'network_error'; readonly code: string; readonly message: string }
  | { readonly kind: 'timeout'; readonly message: string }
  /** We stopped it: a sibling won, or the job was cancelled. */
  | { readonly kind: 'aborted' }
  /** We would not send it: address policy, a header or URL that cannot be sent. Never retried. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** It was armed when the server stopped: whether it was sent is not known. */
  | { readonly kind: 'unknown' };

export type OutcomeKind = Outcome['kind'];

export function isSuccess(outcome: Outcome): boolean {
  return outcome.kind === 'response' && outcome.status >= 200 && outcome.status < 300;
}

/** Codes of `network_error` outcomes for which the way out is to blame and not the target. */
export const EGRESS_ERRORS = {
  /** The region's egress itself does not work. */
  failed: 'egress_failed',
  /** It works, but does not lead to this target. */
  refused: 'egress_refused',
} as const;

export type EgressErrorCode = (typeof EGRESS_ERRORS)[keyof typeof EGRESS_ERRORS];

/** Whether a call came to nothing on its way out, before anybody asked its target. */
export function isEgressError(outcome: Outcome): boolean {
  if (outcome.kind !== 'network_error') return false;
  return outcome.code === EGRESS_ERRORS.failed || outcome.code === EGRESS_ERRORS.refused;
}

/** A response as it is kept. `body` is what `bodyEncoding` says. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bodyEncoding: 'utf8' | 'base64';
  readonly truncated: boolean;
}
