import type { HandlerContext } from './delivery-handler.ts';
import type { HandlingTime } from './handling-time.ts';

/** What handlers get beside the delivery. The signal is made for those that ask for it. */
export class Handling implements HandlerContext {
  readonly context: unknown;
  readonly deadlineAt: number;
  readonly remainingMs: () => number;
  readonly #time: HandlingTime;

  constructor(time: HandlingTime, context: unknown) {
    this.context = context;
    this.deadlineAt = time.deadlineAt;
    this.remainingMs = () => time.remainingMs();
    this.#time = time;
  }

  get signal(): AbortSignal {
    return this.#time.signal;
  }
}
