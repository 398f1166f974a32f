import type { EZThrottleError } from '../errors.ts';
import { HandlerTimeoutError, ReceiveAbortedError } from './errors.ts';
import type { ReceiverSettings } from './receiver-options.ts';

/** The time that one delivery may take, from its making on. */
export class HandlingTime {
  /** Milliseconds since the epoch. */
  readonly deadlineAt: number;
  readonly #settings: ReceiverSettings;

  constructor(settings: ReceiverSettings) {
    this.#settings = settings;
    this.deadlineAt = settings.now() + settings.handlerTimeoutMs;
  }

  readonly remainingMs = (): number => {
    const { now, handlerTimeoutMs } = this.#settings;
    // The clock may be set meanwhile: never less than nothing, nor more than there was.
    return Math.min(handlerTimeoutMs, Math.max(0, this.deadlineAt - now()));
  };

  /** Settles with what the work gives, or with the reason to wait for it no longer. */
  async limit<Result>(
    work: Promise<Result>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly result: Result } | { readonly tooLate: EZThrottleError }> {
    const { after, handlerTimeoutMs } = this.#settings;
    let stop = (): void => {};
    const tooLate = new Promise<EZThrottleError>((resolve) => {
      const onAbort = (): void => resolve(new ReceiveAbortedError(signal?.reason));
      const onTimeout = (): void => resolve(new HandlerTimeoutError(handlerTimeoutMs));
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      const cancel = after(handlerTimeoutMs, onTimeout);
      stop = () => {
        cancel();
        signal?.removeEventListener('abort', onAbort);
      };
    });
    try {
      return await Promise.race([
        work.then((result) => ({ result })),
        tooLate.then((error) => ({ tooLate: error })),
      ]);
    } finally {
      stop();
    }
  }
}
