import type { EZThrottleError } from '../errors.ts';
import { HandlerTimeoutError, ReceiveAbortedError } from './errors.ts';
import type { ReceiverSettings } from './receiver-options.ts';

type TimeSettings = Pick<ReceiverSettings, 'after' | 'handlerTimeoutMs' | 'now'>;

/**
 * The time that one delivery may take, from its making on: before anything is claimed, so that it is
 * over before a lease that began meanwhile. Whoever makes it ends it.
 *
 * Its timer starts with the first thing that has to be waited for: what is done in one turn no timer can
 * interrupt. Its signal exists when somebody asks for it.
 */
export class HandlingTime {
  /** Milliseconds since the epoch. */
  readonly deadlineAt: number;
  readonly #settings: TimeSettings;
  readonly #caller: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #cancel: (() => void) | undefined;
  #tooLate: EZThrottleError | null = null;
  #giveUp: ((tooLate: EZThrottleError) => void) | undefined;
  #onAbort: (() => void) | undefined;

  /** @param caller - Whoever called `receive`, who may give up as well. */
  constructor(settings: TimeSettings, caller: AbortSignal | undefined) {
    this.#settings = settings;
    this.#caller = caller;
    this.deadlineAt = settings.now() + settings.handlerTimeoutMs;
    if (caller !== undefined) this.#listenTo(caller);
  }

  /** Aborted when the time is up, or when the caller gives up. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#tooLate !== null) this.#controller.abort(this.#tooLate);
    }
    return this.#controller.signal;
  }

  /** Why it is over, which is also the reason of the signal; null while it goes on. */
  get tooLate(): EZThrottleError | null {
    return this.#tooLate;
  }

  remainingMs(): number {
    const { now, handlerTimeoutMs } = this.#settings;
    // The clock may be set meanwhile: never less than nothing, nor more than there was.
    return Math.min(handlerTimeoutMs, Math.max(0, this.deadlineAt - now()));
  }

  /** @throws the reason, when it is over. */
  throwIfUp(): void {
    if (this.#tooLate !== null) throw this.#tooLate;
  }

  /** From now on something is waited for. */
  start(): void {
    if (this.#cancel !== undefined) return;
    const { after, handlerTimeoutMs } = this.#settings;
    this.#cancel = after(this.remainingMs(), () => {
      this.#isUp(new HandlerTimeoutError(handlerTimeoutMs));
    });
  }

  /** Settles with what the work gives, or with the reason to wait for it no longer. */
  limit<Result>(
    work: PromiseLike<Result>,
  ): Promise<{ readonly result: Result } | { readonly tooLate: EZThrottleError }> {
    this.start();
    return new Promise((resolve, reject) => {
      this.#giveUp = (tooLate) => resolve({ tooLate });
      if (this.#tooLate !== null) this.#giveUp(this.#tooLate);
      work.then((result) => resolve({ result }), reject);
    });
  }

  /** Nothing is aborted any more. */
  end(): void {
    this.#cancel?.();
    if (this.#onAbort !== undefined) this.#caller?.removeEventListener('abort', this.#onAbort);
  }

  #listenTo(caller: AbortSignal): void {
    this.#onAbort = () => this.#isUp(new ReceiveAbortedError(caller.reason));
    if (caller.aborted) this.#onAbort();
    caller.addEventListener('abort', this.#onAbort, { once: true });
  }

  #isUp(tooLate: EZThrottleError): void {
    if (this.#tooLate !== null) return;
    this.#tooLate = tooLate;
    // The answer first: a handler that hears of it must not be able to come before.
    this.#giveUp?.(tooLate);
    this.#controller?.abort(tooLate);
  }
}
