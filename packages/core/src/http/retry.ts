import type { Runtime } from './runtime.ts';

export interface RetryOptions {
  /** Further tries after the first. Default 2. */
  readonly maxRetries?: number;
  /** Longest wait before the first retry, in milliseconds; doubles with each. Default 250. */
  readonly baseDelayMs?: number;
  /** No wait is longer, in milliseconds; a server that asks for more is not asked again. Default 8 000. */
  readonly maxDelayMs?: number;
}

export interface RetryPolicy {
  readonly maxRetries: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

export function retryPolicy(options: RetryOptions | false | undefined): RetryPolicy {
  const {
    maxRetries = 2,
    baseDelayMs = 250,
    maxDelayMs = 8_000,
  } = options === false ? {} : (options ?? {});
  return { maxRetries: options === false ? 0 : maxRetries, baseDelayMs, maxDelayMs };
}

/** How one try went. */
export interface TryOutcome {
  /** Null: no answer came. */
  readonly status: number | null;
  /** When the server wants to be asked again, in milliseconds since the epoch. */
  readonly retryAt: number | null;
}

const RETRIED: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/**
 * How long to wait before trying again, in milliseconds; null: do not.
 *
 * @param isRepeatable Whether doing it twice is as good as once. If not, only 429 is tried again: it
 *   says that nothing was done.
 * @param retries Retries made so far.
 */
export function retryDelay(
  outcome: TryOutcome,
  isRepeatable: boolean,
  retries: number,
  policy: RetryPolicy,
  runtime: Pick<Runtime, 'now' | 'random'>,
): number | null {
  const { status, retryAt } = outcome;
  if (retries >= policy.maxRetries) return null;
  if (status !== null && !RETRIED.has(status)) return null;
  if (status !== 429 && !isRepeatable) return null;
  // Full jitter: clients that failed together do not come back together.
  const limit = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** retries);
  const backoff = Math.floor(runtime.random() * limit);
  if (retryAt === null) return backoff;
  const asked = Math.max(0, retryAt - runtime.now());
  return asked > policy.maxDelayMs ? null : asked + Math.floor(backoff / 4);
}
