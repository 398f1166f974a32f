export * as LIMITS from './bounds.ts';

/** Defaults of one attempt and of its retries. */
export const DEFAULTS = {
  attemptTimeoutMs: 30_000,
  maxAttemptTimeoutMs: 900_000,
  maxRetries: 3,
  maxReroutes: 2,
  retryCodes: [429, 503],
  rerouteCodes: [500, 502, 504],
  /** A job that has not ended by then fails. */
  deadlineMs: 86_400_000,
  /** How long a key stays taken after its job has ended. */
  idempotencyWindowMs: 86_400_000,
  /** Second calls of hedged jobs, in percent of all calls to their target. */
  hedgeBudgetPercent: 10,
  /** Waits before each delivery attempt, in milliseconds; then hourly until `deliveryGiveUpMs`. */
  deliveryDelaysMs: [0, 1_000, 5_000, 30_000, 60_000, 300_000, 900_000, 3_600_000],
  deliveryGiveUpMs: 86_400_000,
  deliveryTimeoutMs: 30_000,
} as const;
