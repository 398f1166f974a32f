import { performance } from 'node:perf_hooks';
import type { Clock } from '@ezthrottle/engine';

/** Longest delay that a timer of Node keeps: a longer one would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Real time. Its timers do not keep the process alive: what must, has a socket or a file open. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    if (delayMs >= 0 && delayMs <= LONGEST_TIMER_MS) {
      const only = setTimeout(callback, delayMs);
      only.unref();
      return () => clearTimeout(only);
    }
    let timer: NodeJS.Timeout;
    const wait = (remainingMs: number): void => {
      const step = Math.min(Math.max(0, remainingMs), LONGEST_TIMER_MS);
      timer = setTimeout(() => {
        if (remainingMs > step) wait(remainingMs - step);
        else callback();
      }, step);
      timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};
