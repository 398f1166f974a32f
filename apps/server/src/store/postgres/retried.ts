import type { Clock } from '@ezthrottle/engine';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1_000;

export interface RetryOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** For how long it is tried again, in milliseconds. */
  readonly forMs: number;
  /** Whether another try may go better, after this. */
  readonly mayGoBetter: (error: unknown) => boolean;
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Tries until it goes well, with longer and longer pauses.
 *
 * @throws What the last try has thrown.
 */
export async function retried<Result>(
  { clock, forMs, mayGoBetter, random = Math.random }: RetryOptions,
  attempt: () => Promise<Result>,
): Promise<Result> {
  const until = clock.monotonic() + forMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayGoBetter(error) || clock.monotonic() >= until) throw error;
    }
    // Spread out: the nodes of a database that comes back should not all come at once.
    await pause(clock, pauseMs * (0.5 + random() / 2));
  }
}

function pause(clock: Pick<Clock, 'after'>, forMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(forMs, resolve));
}
