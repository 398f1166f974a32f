import { andThen, isPending, type Awaitable } from '../awaitable.ts';
import type { Delivery } from '../protocol/decode-delivery.ts';
import type { WorkClaim } from './continuation-runner.ts';
import { hasContinuation, withoutContinuation } from './delivery-body.ts';
import { WorkInFlightError } from './errors.ts';
import { runHandlers } from './handler-entry.ts';
import type { HandlerRegistry } from './handler-registry.ts';
import { Handling } from './handling.ts';
import type { HandlingTime } from './handling-time.ts';
import { accepted, refused, type ReceiverAnswer } from './receiver-answer.ts';
import type { ReceiverOptions, ReceiverSettings } from './receiver-options.ts';
import type { ReceiverReports } from './receiver-reports.ts';
import type { ReceiverRequest } from './receiver-request.ts';
import { failedHere, inFlight, unavailable } from './refusals.ts';
import { claimWork, type Claim, type HeldClaim } from './work-claim.ts';

const NOTHING_FAILED: readonly unknown[] = [];

/** A genuine delivery, as it came in. */
export interface Arrival {
  readonly delivery: Delivery;
  /** What it is known by when it comes again. */
  readonly id: string;
  /** Somebody waited for it. */
  readonly isAwaited: boolean;
  readonly time: HandlingTime;
  readonly request: Pick<ReceiverRequest, 'context' | 'waitUntil'>;
}

interface DeliveryWorkParts {
  readonly options: Pick<ReceiverOptions, 'continuations' | 'onUnhandled'>;
  readonly settings: ReceiverSettings;
  readonly handlers: HandlerRegistry;
  readonly reports: ReceiverReports;
}

/** Does what a delivery asks for, once: claim, run, commit or release. */
export class DeliveryWork {
  readonly #parts: DeliveryWorkParts;

  constructor(parts: DeliveryWorkParts) {
    this.#parts = parts;
  }

  /** At once where nothing has to be waited for; never throws nor rejects. */
  once(arrival: Arrival): Awaitable<ReceiverAnswer> {
    let claim: Awaitable<Claim>;
    try {
      claim = this.#claim(arrival.id, arrival);
    } catch (error) {
      return this.#unclaimed(error, arrival);
    }
    if (!isPending(claim)) return this.#withClaim(claim, arrival);
    arrival.time.start();
    return claim.then(
      (mine) => this.#withClaim(mine, arrival),
      (error: unknown) => this.#unclaimed(error, arrival),
    );
  }

  #unclaimed(error: unknown, { delivery }: Arrival): ReceiverAnswer {
    const { reports } = this.#parts;
    reports.report(error, delivery);
    return reports.refuse(unavailable('Whether this delivery was handled is not known now.'));
  }

  #withClaim(claim: Claim, arrival: Arrival): Awaitable<ReceiverAnswer> {
    if (claim.state === 'done') return accepted('duplicate');
    if (claim.state === 'in_flight') return this.#parts.reports.refuse(inFlight());
    const work = this.#work(claim, arrival);
    return isPending(work) ? this.#inTime(work, arrival) : work;
  }

  async #inTime(work: PromiseLike<ReceiverAnswer>, arrival: Arrival): Promise<ReceiverAnswer> {
    const { reports } = this.#parts;
    const { delivery, time, request } = arrival;
    request.waitUntil?.(Promise.resolve(work));
    const first = await time.limit(work);
    if ('result' in first) return first.result;
    reports.report(first.tooLate, delivery);
    return reports.refuse(unavailable('The handlers did not end in time.'));
  }

  /**
   * Runs to its end even when nobody waits any longer. Only then is the claim given back, so that a
   * slow handler and its repetition do not run at the same time; and it is not committed then, since a
   * handler that saw its signal may have returned early.
   */
  #work(claim: HeldClaim, arrival: Arrival): Awaitable<ReceiverAnswer> {
    const failed = (error: unknown): Promise<ReceiverAnswer> => this.#fail([error], claim, arrival);
    const commit = (failures: readonly unknown[]): Awaitable<ReceiverAnswer> => {
      if (failures.length > 0) return this.#fail(failures, claim, arrival);
      try {
        arrival.time.throwIfUp();
        const committed = claim.commit();
        if (isPending(committed)) return committed.then(() => accepted('received'), failed);
      } catch (error) {
        return failed(error);
      }
      return accepted('received');
    };
    return andThen(this.#runAll(arrival), commit);
  }

  async #fail(
    failures: readonly unknown[],
    claim: HeldClaim,
    { delivery, time }: Arrival,
  ): Promise<ReceiverAnswer> {
    const { reports } = this.#parts;
    await this.#release(claim, delivery);
    // The answer is out when time is up, and that itself was reported when it happened.
    const failed = failures.filter(
      (error) =>
        !(error instanceof WorkInFlightError) && !(time.tooLate !== null && error === time.tooLate),
    );
    for (const error of failed) reports.report(error, delivery);
    if (time.tooLate !== null) return refused(inFlight());
    return reports.refuse(failed.length === 0 ? inFlight() : failedHere());
  }

  /** Everything that failed of what is to be done here; neither part waits for the other. */
  #runAll(arrival: Arrival): Awaitable<readonly unknown[]> {
    if (this.#parts.options.continuations !== undefined) return this.#runBoth(arrival);
    try {
      const handled = this.#handle(arrival);
      if (!isPending(handled)) return NOTHING_FAILED;
      return handled.then(
        () => NOTHING_FAILED,
        (error: unknown) => [error],
      );
    } catch (error) {
      return [error];
    }
  }

  async #runBoth(arrival: Arrival): Promise<readonly unknown[]> {
    const parts = await Promise.allSettled([
      this.#isContinued(arrival.delivery) ? this.#handleApart(arrival) : this.#handleAsync(arrival),
      this.#carryOn(arrival),
    ]);
    return parts.flatMap((part): unknown[] => (part.status === 'rejected' ? [part.reason] : []));
  }

  async #carryOn(arrival: Arrival): Promise<void> {
    const { delivery, time } = arrival;
    await this.#parts.options.continuations?.run(delivery, {
      signal: time.signal,
      claim: async (id) => asWorkClaim(await this.#claim(`continuation:${id}`, arrival)),
      remainingMs: () => time.remainingMs(),
      report: (error) => this.#parts.reports.report(error, delivery),
    });
  }

  async #handleAsync(arrival: Arrival): Promise<void> {
    await this.#handle(arrival);
  }

  #handle(arrival: Arrival): Awaitable<void> {
    const { handlers, options, reports } = this.#parts;
    const { time, request, isAwaited } = arrival;
    const delivery = withoutContinuation(arrival.delivery);
    const entries = handlers.matching(delivery);
    const context = new Handling(time, request.context);
    if (entries.length > 0) {
      return runHandlers(entries, {
        delivery,
        context,
        throwIfUp: () => time.throwIfUp(),
        report: (error) => reports.report(error, delivery),
      });
    }
    if (isAwaited || this.#isContinued(arrival.delivery)) return;
    if (options.onUnhandled === undefined) return;
    reports.tell(() => options.onUnhandled?.(delivery, context), delivery);
  }

  /** Under a claim of the handlers' own: when only the continuation failed, they do not run again. */
  async #handleApart(arrival: Arrival): Promise<void> {
    const id = `handlers:${arrival.id}`;
    const claim = await this.#claim(id, arrival);
    if (claim.state === 'done') return;
    if (claim.state === 'in_flight') throw new WorkInFlightError(id);
    try {
      await this.#handle(arrival);
      arrival.time.throwIfUp();
      await claim.commit();
    } catch (error) {
      await this.#release(claim, arrival.delivery);
      throw error;
    }
  }

  #isContinued(delivery: Delivery): boolean {
    return this.#parts.options.continuations !== undefined && hasContinuation(delivery);
  }

  async #release(claim: HeldClaim, delivery: Delivery): Promise<void> {
    try {
      await claim.release();
    } catch (error) {
      this.#parts.reports.report(error, delivery);
    }
  }

  #claim(id: string, { delivery, request }: Arrival): Awaitable<Claim> {
    const { settings, reports } = this.#parts;
    return claimWork(id, {
      settings,
      onLate: (rest) => request.waitUntil?.(rest),
      onLost: (error) => reports.report(error, delivery),
    });
  }
}

/** For runners of continuations, to whom every step is a promise. */
function asWorkClaim(claim: Claim): WorkClaim {
  if (claim.state !== 'acquired') return claim;
  return {
    state: claim.state,
    commit: async () => claim.commit(),
    release: async () => void (await claim.release()),
  };
}
