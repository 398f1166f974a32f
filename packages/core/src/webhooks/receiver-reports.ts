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
    tellUser(() => this.#options.onRefused?.(refusal));
    return refused(refusal);
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

function reportToConsole(error: unknown, about: { delivery: Delivery | null }): void {
  const job = about.delivery === null ? '' : ` of job ${about.delivery.jobId}`;
  console.error(`[ezthrottle] webhook${job} not handled:`, error);
}
