import type { Delivery } from '../protocol/decode-delivery.ts';
import { tellUser } from '../tell-user.ts';
import { refused, type ReceiverAnswer, type Refusal } from './receiver-answer.ts';
import type { ReceiverOptions } from './receiver-options.ts';
import { failedHere } from './refusals.ts';

/** What goes wrong is told here, never to the sender. */
export class ReceiverReports {
  readonly #options: Pick<ReceiverOptions, 'onError' | 'onRefused'>;

  constructor(options: Pick<ReceiverOptions, 'onError' | 'onRefused'>) {
    this.#options = options;
  }

  refuse(refusal: Refusal): ReceiverAnswer {
    this.tell(() => this.#options.onRefused?.(refusal), null);
    return refused(refusal);
  }

  /** Calls the user back without waiting for it; what fails there is reported. */
  tell(callback: () => unknown, delivery: Delivery | null): void {
    const report = (error: unknown): void => this.report(error, delivery);
    try {
      Promise.resolve(callback()).catch(report);
    } catch (error) {
      report(error);
    }
  }

  fail(error: unknown, delivery: Delivery | null): ReceiverAnswer {
    this.report(error, delivery);
    return this.refuse(failedHere());
  }

  report(error: unknown, delivery: Delivery | null): void {
    const report = this.#options.onError ?? reportToConsole;
    tellUser(() => report(error, { delivery }));
  }
}

/**
 * The answer when there is no receiver to give one, for its options cannot be used; `onError` is told,
 * where they have one that can.
 */
export function answerMisconfigured(
  error: unknown,
  options: Pick<ReceiverOptions, 'onError' | 'onRefused'> = {},
): ReceiverAnswer {
  const { onError, onRefused } = options;
  return new ReceiverReports({
    ...(typeof onError === 'function' ? { onError } : {}),
    ...(typeof onRefused === 'function' ? { onRefused } : {}),
  }).fail(error, null);
}

function reportToConsole(error: unknown, about: { delivery: Delivery | null }): void {
  const job = about.delivery === null ? '' : ` of job ${about.delivery.jobId}`;
  console.error(`[ezthrottle] webhook${job} not handled:`, error);
}
