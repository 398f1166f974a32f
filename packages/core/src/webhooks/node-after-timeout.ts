class Timeout {
  readonly #callback: () => void;
  readonly #dueAt: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(delayMs: number, callback: () => void) {
    this.#callback = callback;
    this.#dueAt = performance.now() + delayMs;
  }

  start(): void {
    if (this.#isOver) return;
    this.#timer = setTimeout(this.#callback, Math.max(0, this.#dueAt - performance.now()));
  }

  cancel(): void {
    this.#isOver = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }
}

let beginning: Timeout[] = [];

/**
 * Calls back after a delay in milliseconds, unless cancelled. On Node most of what is waited for, such as the
 * body behind its headers, comes in the same turn of the event loop: a timer is made only for what has
 * not, at the turn's end and once for all.
 */
export function afterTimeout(delayMs: number, callback: () => void): () => void {
  const timeout = new Timeout(delayMs, callback);
  // It keeps the process running until then, as timers do afterwards.
  if (beginning.push(timeout) === 1) setImmediate(startTimers);
  return () => timeout.cancel();
}

function startTimers(): void {
  const timeouts = beginning;
  beginning = [];
  for (const timeout of timeouts) timeout.start();
}
