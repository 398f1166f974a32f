/** Bounds of what an organization may set about its data; `spec/limits.md` explains each. */
export const PRIVACY_BOUNDS = {
  /** Shortest time that anything is kept after a job's end, in milliseconds. */
  shortestMs: 60_000,
  /** Names or paths in one list. */
  entries: 64,
  entryLength: 256,
} as const;

/**
 * Body of `PUT /api/v1/settings/retention`: how long is kept what, in milliseconds from a job's end. At
 * most as long as the server keeps jobs, which is what holds for whatever is left out.
 */
export interface RetentionRequest {
  /** Jobs with all that hangs on them; not while their idempotency key is taken. */
  readonly jobs_ms?: number;
  /** Bodies of requests and answers. */
  readonly bodies_ms?: number;
  /** Headers of requests and answers. */
  readonly headers_ms?: number;
  /** Attempts of calls and deliveries, of which the events of a job are made. */
  readonly attempts_ms?: number;
}

/** How long is kept what, defaults filled in. */
export interface RetentionView {
  readonly jobs_ms: number;
  readonly bodies_ms: number;
  readonly headers_ms: number;
  readonly attempts_ms: number;
  /** The longest that may be set: how long the server keeps jobs. */
  readonly longest_ms: number;
}

/**
 * Body of `PUT /api/v1/settings/redaction`: what is taken out before it is kept. Of answers before they
 * are stored, of requests once their job has ended, since until then they have to be sent.
 */
export interface RedactionRequest {
  readonly response_headers?: readonly string[];
  /** Paths into JSON bodies, such as `$.card.number`, `$.items[*].token` or `$..password`. */
  readonly response_paths?: readonly string[];
  readonly request_headers?: readonly string[];
  readonly request_paths?: readonly string[];
}

export interface RedactionView {
  readonly response_headers: readonly string[];
  readonly response_paths: readonly string[];
  readonly request_headers: readonly string[];
  readonly request_paths: readonly string[];
}

/** How far the deletion of an account's data has come. Moments are milliseconds since the epoch. */
export interface AccountDeletionView {
  readonly user_id: string;
  readonly status: 'running' | 'done';
  readonly requested_at: number;
  readonly finished_at: number | null;
  /** Jobs that were removed so far, with their attempts, deliveries and events. */
  readonly removed: number;
  /** Whether there may be jobs from before the request that are not removed yet. */
  readonly is_more_left: boolean;
}
