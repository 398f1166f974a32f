import { followAbort } from './follow-abort.ts';
import type { Runtime } from './runtime.ts';

/** A signal that is aborted by the caller's, or when time is up. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Time was up first. */
  isOver(): boolean;
  /** The time that was given last, in milliseconds. */
  limitMs(): number;
  /** Gives new time from now on, in milliseconds. */
  restart(timeoutMs: number): void;
  readonly abort: () => void;
  /** To be called when the work is done: drops the timer and the caller's signal. */
  clear(): void;
}

export function startDeadline(
  runtime: Pick<Runtime, 'after'>,
  timeoutMs: number,
  outer: AbortSignal | undefined,
): Deadline {
  const controller = new AbortController();
  let isOver = false;
  const start = (ms: number): (() => void) =>
    runtime.after(ms, () => {
      isOver = !controller.signal.aborted;
      controller.abort();
    });
  let limitMs = timeoutMs;
  let cancel = start(limitMs);
  const unfollow = followAbort(controller, outer);
  return {
    signal: controller.signal,
    isOver: () => isOver,
    limitMs: () => limitMs,
    restart(ms) {
      cancel();
      limitMs = ms;
      cancel = start(ms);
    },
    abort: () => controller.abort(),
    clear() {
      cancel();
      unfollow();
    },
  };
}
