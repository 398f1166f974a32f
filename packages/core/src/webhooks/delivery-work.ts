import type { Delivery } from '../protocol/decode-delivery.ts';
import type { WorkClaim } from './continuation-runner.ts';
import { hasContinuation, withoutContinuation } from './delivery-body.ts';
import type { HandlerContext } from './delivery-handler.ts';
import { WorkInFlightError } from './errors.ts';
import { runHandlers } from './handler-entry.ts';
import type { HandlerRegistry } from './handler-registry.ts';
import type { HandlingTime } from './handling-time.ts';
import { accepted, refused, type ReceiverAnswer } from './receiver-answer.ts';
import type { ReceiverOptions, ReceiverSettings } from './receiver-options.ts';
import type { ReceiverReports } from './receiver-reports.ts';
import type { ReceiverRequest } from './receiver-request.ts';
import { failedHere, inFlight, unavailable } from './refusals.ts';
import { claimWork } from './work-claim.ts';

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

interface Handling extends HandlerContext {
  readonly arrival: Arrival;
}

type AcquiredClaim = WorkClaim & { state: 'acquired' };

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

  async once(arrival: Arrival): Promise<ReceiverAnswer> {
    const { reports } = this.#parts;
    const { delivery, id, time, request } = arrival;
    let claim: WorkClaim;
    try {
      claim = await this.#claim(id, arrival);
    } catch (error) {
      reports.report(error, delivery);
      return reports.refuse(unavailable('Whether this delivery was handled is not known now.'));
    }
    if (claim.state === 'done') return accepted('duplicate');
    if (claim.state === 'in_flight') return reports.refuse(inFlight());
    const { signal, deadlineAt, remainingMs } = time;
    const { context } = request;
    const work = this.#work(claim, { arrival, context, signal, deadlineAt, remainingMs });
    request.waitUntil?.(work);
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
  async #work(claim: AcquiredClaim, handling: Handling): Promise<ReceiverAnswer> {
    const { reports } = this.#parts;
    const { signal } = handling;
    const { delivery } = handling.arrival;
    const failures = await this.#runAll(handling);
    if (failures.length === 0) {
      try {
        signal.throwIfAborted();
        await claim.commit();
        return accepted('received');
      } catch (error) {
        failures.push(error);
      }
    }
    await this.#release(claim, delivery);
    // The answer is out when it is aborted, and the abort itself was reported when it happened.
    const failed = failures.filter(
      (error) =>
        !(error instanceof WorkInFlightError) && !(signal.aborted && error === signal.reason),
    );
    for (const error of failed) reports.report(error, delivery);
    if (signal.aborted) return refused(inFlight());
    return reports.refuse(failed.length === 0 ? inFlight() : failedHere());
  }

  /** Everything that failed of what is to be done here; neither part waits for the other. */
  async #runAll(handling: Handling): Promise<unknown[]> {
    if (this.#parts.options.continuations === undefined) {
      return await this.#handle(handling).then(
        () => [],
        (error: unknown) => [error],
      );
    }
    const isContinued = this.#isContinued(handling.arrival.delivery);
    const parts = await Promise.allSettled([
      isContinued ? this.#handleApart(handling) : this.#handle(handling),
      this.#carryOn(handling),
    ]);
    return parts.flatMap((part): unknown[] => (part.status === 'rejected' ? [part.reason] : []));
  }

  async #carryOn({ arrival, signal, remainingMs }: Handling): Promise<void> {
    const { delivery } = arrival;
    await this.#parts.options.continuations?.run(delivery, {
      signal,
      claim: (id) => this.#claim(`continuation:${id}`, arrival),
      remainingMs,
      report: (error) => this.#parts.reports.report(error, delivery),
    });
  }

  async #handle({ arrival, ...context }: Handling): Promise<void> {
    const { handlers, options, reports } = this.#parts;
    const delivery = withoutContinuation(arrival.delivery);
    const entries = handlers.matching(delivery);
    if (entries.length === 0) {
      if (arrival.isAwaited || this.#isContinued(arrival.delivery)) return;
      reports.tell(() => options.onUnhandled?.(delivery, context), delivery);
      return;
    }
    await runHandlers(entries, delivery, context, (error) => reports.report(error, delivery));
  }

  /** Under a claim of the handlers' own: when only the continuation failed, they do not run again. */
  async #handleApart(handling: Handling): Promise<void> {
    const id = `handlers:${handling.arrival.id}`;
    const claim = await this.#claim(id, handling.arrival);
    if (claim.state === 'done') return;
    if (claim.state === 'in_flight') throw new WorkInFlightError(id);
    try {
      await this.#handle(handling);
      handling.signal.throwIfAborted();
      await claim.commit();
    } catch (error) {
      await this.#release(claim, handling.arrival.delivery);
      throw error;
    }
  }

  #isContinued(delivery: Delivery): boolean {
    return this.#parts.options.continuations !== undefined && hasContinuation(delivery);
  }

  async #release(claim: AcquiredClaim, delivery: Delivery): Promise<void> {
    const { reports } = this.#parts;
    await claim.release().catch((failure: unknown) => reports.report(failure, delivery));
  }

  #claim(id: string, { delivery, request }: Arrival): Promise<WorkClaim> {
    const { settings, reports } = this.#parts;
    return claimWork(id, {
      settings,
      onLate: (rest) => request.waitUntil?.(rest),
      onLost: (error) => reports.report(error, delivery),
    });
  }
}
