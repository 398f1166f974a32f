import type { EZThrottleError } from '../errors.ts';
import { HandlerTimeoutError, ReceiveAbortedError } from './errors.ts';
import type { ReceiverSettings } from './receiver-options.ts';

type TimeSettings = Pick<ReceiverSettings, 'after' | 'handlerTimeoutMs' | 'now'>;

/**
 * The time that one delivery may take, from its making on: before anything is claimed, so that it is
 * over before a lease that began meanwhile. Whoever makes it ends it.
 */
export class HandlingTime {
  /** Milliseconds since the epoch. */
  readonly deadlineAt: number;
  readonly #settings: TimeSettings;
  readonly #caller: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #cancel: () => void;
  #tooLate: EZThrottleError | null = null;
  #giveUp: (tooLate: EZThrottleError) => void = () => {};

  /** @param caller - Whoever called `receive`, who may give up as well. */
  constructor(settings: TimeSettings, caller: AbortSignal | undefined) {
    const { now, after, handlerTimeoutMs } = settings;
    this.#settings = settings;
    this.#caller = caller;
    this.deadlineAt = now() + handlerTimeoutMs;
    this.#cancel = after(handlerTimeoutMs, () => {
      this.#isUp(new HandlerTimeoutError(handlerTimeoutMs));
    });
    if (caller?.aborted === true) this.#onAbort();
    caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Aborted when the time is up, or when the caller gives up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly remainingMs = (): number => {
    const { now, handlerTimeoutMs } = this.#settings;
    // The clock may be set meanwhile: never less than nothing, nor more than there was.
    return Math.min(handlerTimeoutMs, Math.max(0, this.deadlineAt - now()));
  };

  /** Settles with what the work gives, or with the reason to wait for it no longer. */
  limit<Result>(
    work: Promise<Result>,
  ): Promise<{ readonly result: Result } | { readonly tooLate: EZThrottleError }> {
    return new Promise((resolve, reject) => {
      this.#giveUp = (tooLate) => resolve({ tooLate });
      if (this.#tooLate !== null) this.#giveUp(this.#tooLate);
      work.then((result) => resolve({ result }), reject);
    });
  }

  /** Nothing is aborted any more. */
  end(): void {
    this.#cancel();
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => this.#isUp(new ReceiveAbortedError(this.#caller?.reason));

  #isUp(tooLate: EZThrottleError): void {
    if (this.#tooLate !== null) return;
    this.#tooLate = tooLate;
    // The answer first: a handler that hears of it must not be able to come before.
    this.#giveUp(tooLate);
    this.#controller.abort(tooLate);
  }
}
