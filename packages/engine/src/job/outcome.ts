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

/** A response as it is kept. `body` is what `bodyEncoding` says. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bodyEncoding: 'utf8' | 'base64';
  readonly truncated: boolean;
}
