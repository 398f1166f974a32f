import { followAbort } from './follow-abort.ts';

/** One thing under way. */
export interface Run {
  /** Aborted by the caller's signal, or when everything is closed. */
  readonly signal: AbortSignal;
  /** To be called when it is done: lets go of the caller's signal. */
  readonly end: () => void;
}

/**
 * What a client has under way. A set, and not one signal that everything listens to: taking one of
 * thousands of listeners off a signal means looking for it among them.
 */
export class Running {
  readonly #runs = new Set<AbortController>();
  #closed: Error | null = null;

  begin(outer: AbortSignal | undefined): Run {
    const controller = new AbortController();
    if (this.#closed !== null) controller.abort(this.#closed);
    const unfollow = followAbort(controller, outer);
    this.#runs.add(controller);
    return {
      signal: controller.signal,
      end: () => {
        this.#runs.delete(controller);
        unfollow();
      },
    };
  }

  /** Aborts everything under way, and whatever begins later, for this reason. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const controller of this.#runs) controller.abort(this.#closed);
  }
}
