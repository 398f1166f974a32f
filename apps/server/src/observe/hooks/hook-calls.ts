import type { HookName } from './lifecycle-hooks.ts';

export interface HookCallsOptions {
  /** Told of each call that failed or was left out. */
  readonly onFailed: (hook: HookName, error: unknown) => void;
  /** Calls that may wait at one time; more are left out. Default 10 000. */
  readonly mostWaiting?: number;
}

/** Calls per turn, so that many of them do not hold up the server. */
const PER_TURN = 256;

/** Calls hooks apart from the work: later, in order, whatever becomes of them. */
export class HookCalls {
  readonly #options: HookCallsOptions;
  #waiting: { readonly hook: HookName; readonly run: () => unknown }[] = [];
  #isPlanned = false;

  constructor(options: HookCallsOptions) {
    this.#options = options;
  }

  add(hook: HookName, run: () => unknown): void {
    const { mostWaiting = 10_000, onFailed } = this.#options;
    if (this.#waiting.length >= mostWaiting) {
      onFailed(hook, new Error('too many calls of hooks wait: this one was left out'));
      return;
    }
    this.#waiting.push({ hook, run });
    this.#plan();
  }

  /** Makes the calls that still wait. */
  flush(): void {
    while (this.#waiting.length > 0) this.#turn();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#turn();
      if (this.#waiting.length > 0) this.#plan();
    });
  }

  #turn(): void {
    for (const { hook, run } of this.#waiting.splice(0, PER_TURN)) {
      try {
        const result = run();
        if (result instanceof Promise) {
          result.catch((error: unknown) => this.#options.onFailed(hook, error));
        }
      } catch (error) {
        this.#options.onFailed(hook, error);
      }
    }
  }
}
