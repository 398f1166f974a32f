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
  limit<Result>(
    work: Promise<Result>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly result: Result } | { readonly tooLate: EZThrottleError }> {
    const { after, handlerTimeoutMs } = this.#settings;
    return new Promise((resolve, reject) => {
      let cancel = (): void => {};
      const stop = (): void => {
        cancel();
        signal?.removeEventListener('abort', onAbort);
      };
      const giveUp = (tooLate: EZThrottleError): void => {
        stop();
        resolve({ tooLate });
      };
      const onAbort = (): void => giveUp(new ReceiveAbortedError(signal?.reason));
      cancel = after(handlerTimeoutMs, () => giveUp(new HandlerTimeoutError(handlerTimeoutMs)));
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      work.then(
        (result) => {
          stop();
          resolve({ result });
        },
        (error: unknown) => {
          stop();
          reject(error);
        },
      );
    });
  }
}
