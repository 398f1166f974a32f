interface Waiter {
  readonly holds: () => boolean;
  readonly resolve: () => void;
}

/** Wakes those who wait for a condition, each time something has changed. */
export class Changes {
  readonly #waiters = new Set<Waiter>();

  /** Something changed: conditions are asked again. */
  tell(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.holds()) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /**
   * Resolves once the condition holds.
   *
   * @throws Error with `describe()` after `timeoutMs` real milliseconds.
   */
  until(holds: () => boolean, timeoutMs: number, describe: () => string): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        holds,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(describe()));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }
}
