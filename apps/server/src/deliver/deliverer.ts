import {
  type DeadReason,
  type DeliveryRecord,
  type Id,
  type Outcome,
  slotOfEndpoint,
  type UnderWay,
} from '@ezthrottle/engine';
import type { SlotUser } from '../cluster/slot-user.ts';
import { JobCache } from '../dispatch/job-cache.ts';
import { guardedExecutor } from '../execute/guarded-executor.ts';
import type { Service } from '../upkeep/service.ts';
import type { DelivererOptions } from './deliverer-options.ts';
import { attemptDelivery, type DeliveryAttemptOptions } from './delivery-attempt.ts';
import { DueSweep } from './due-sweep.ts';
import { EndpointLanes } from './endpoint-lanes.ts';
import { ExecutorCalls } from './executor-calls.ts';
import { type JobResult, weightOf } from './job-result.ts';
import { Resting } from './resting.ts';

/** Sends signed webhooks until they are delivered or dead. */
export interface Deliverer extends Service, SlotUser {
  /**
   * Deliveries that were committed a moment ago: they go out without being read back.
   *
   * @param result What they tell, when memory has it: then nothing is read for their first attempt.
   */
  offer(deliveries: readonly DeliveryRecord[], result?: JobResult | null): void;
  /** An endpoint is enabled again: what it said before does not count any more. */
  forget(organization: Id, url: string): void;
  /** Something may have become due in the store, a replay for example. */
  wake(): void;
  /** What is under way and what waits in memory; the rest waits in the store. */
  counts(): { readonly running: number; readonly waiting: number };
}

/** Bytes of results that are kept in memory until their first delivery; the rest is read back. */
const RESULTS_BYTES = 16_777_216;
const WAITING_PER_ENDPOINT = 1_000;
const WAITING = 10_000;
/** How often a node looks for deliveries that others have written, told or not, in milliseconds. */
const LOOK_MS = 1_000;

export function createDeliverer(options: DelivererOptions): Deliverer {
  return new WebhookDeliverer(options);
}

function slotOfDelivery({ organization, url }: DeliveryRecord): number {
  return slotOfEndpoint(organization, url);
}

class WebhookDeliverer implements Deliverer {
  readonly name = 'deliverer';
  readonly #options: DelivererOptions;
  readonly #attempt: DeliveryAttemptOptions;
  readonly #calls: ExecutorCalls;
  readonly #lanes: EndpointLanes;
  readonly #results = new JobCache<JobResult>(RESULTS_BYTES);
  readonly #sweep: DueSweep;
  readonly #running = new Set<Promise<void>>();
  readonly #delivering = new Map<DeliveryRecord, UnderWay>();
  readonly #resting = new Resting(WAITING);
  readonly #ending = new Set<Id>();
  #isStarted = false;
  #hasHeldBack = false;
  #holdTimer: { readonly at: number; readonly cancel: () => void } | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#calls = new ExecutorCalls(guardedExecutor(options.executor, options));
    this.#lanes = new EndpointLanes({
      concurrency: options.concurrency ?? 256,
      perEndpointConcurrency: options.perEndpointConcurrency ?? 64,
      waitingPerEndpoint: WAITING_PER_ENDPOINT,
      waiting: WAITING,
      ratePerSecond: options.ratePerSecond ?? null,
    });
    this.#attempt = {
      ...options,
      jobs: options.store.jobs,
      calls: this.#calls,
      schedule: { delaysMs: options.delaysMs, giveUpMs: options.giveUpMs },
      userAgent: options.userAgent ?? 'EZThrottle-Webhooks',
    };
    this.#sweep = new DueSweep({
      deliveries: options.store.deliveries,
      clock: options.clock,
      take: (delivery) => this.#take(delivery),
      slots: () => options.ownership?.slots(),
      everyMs: options.peers === undefined ? undefined : LOOK_MS,
      onError: (error) =>
        options.logger.error(
          { event: 'deliveries_unreadable', err: error },
          'due deliveries cannot be read',
        ),
    });
  }

  async start(): Promise<void> {
    await this.#stopping;
    this.#isStarted = true;
    this.#calls.resume();
    this.#sweep.start();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = null;
    });
    return this.#stopping;
  }

  offer(deliveries: readonly DeliveryRecord[], result: JobResult | null = null): void {
    if (!this.#isStarted) return;
    const { clock, ownership, peers } = this.#options;
    const now = clock.now();
    const isOwn = ({ organization, url }: DeliveryRecord): boolean =>
      ownership?.ownsEndpoint(organization, url) !== false;
    const own = ownership === undefined ? deliveries : deliveries.filter(isOwn);
    if (own.length < deliveries.length) {
      peers?.due(deliveries.filter((delivery) => !own.includes(delivery)));
    }
    for (const delivery of own) {
      if (result !== null) this.#results.put(delivery.id, result, weightOf(result));
      const { nextAttemptAt } = delivery;
      if (nextAttemptAt !== null && nextAttemptAt > now) this.#sweep.wakeAt(nextAttemptAt);
      else this.#take(delivery);
    }
  }

  forget(organization: Id, url: string): void {
    this.#lanes.forget(organization, url);
    this.#startNext();
  }

  wake(): void {
    this.#sweep.wakeAt(this.#options.clock.now());
  }

  gain(): Promise<void> {
    this.wake();
    return Promise.resolve();
  }

  leave(slots: readonly number[]): void {
    const left = new Set(slots);
    this.#lanes.forgetWaiting((delivery) => left.has(slotOfDelivery(delivery)));
  }

  underWayIn(slot: number): UnderWay {
    let found: UnderWay = 'nothing';
    for (const [delivery, underWay] of this.#delivering) {
      if (found !== 'writes' && slotOfDelivery(delivery) === slot) found = underWay;
    }
    return found;
  }

  counts(): { readonly running: number; readonly waiting: number } {
    return { running: this.#lanes.running, waiting: this.#lanes.waiting };
  }

  async #stop(): Promise<void> {
    this.#isStarted = false;
    await this.#sweep.stop();
    this.#lanes.clearWaiting();
    this.#holdTimer?.cancel();
    this.#holdTimer = null;
    const cancel = this.#options.clock.after(this.#options.stopTimeoutMs ?? 10_000, () =>
      this.#calls.abortAll(),
    );
    while (this.#running.size > 0) await Promise.all(this.#running);
    cancel();
  }

  /** False when there is no room for it: then it stays in the store until a later sweep. */
  #take(delivery: DeliveryRecord): boolean {
    if (!this.#isStarted || this.#resting.has(delivery.id, this.#options.clock.now())) return true;
    const { ownership } = this.#options;
    if (ownership?.ownsEndpoint(delivery.organization, delivery.url) === false) return true;
    if (this.#options.endpoints?.isDisabled(delivery.organization, delivery.endpointId) === true) {
      this.#end(delivery, 'endpoint_disabled');
      return true;
    }
    const isTaken = this.#lanes.add(delivery);
    if (!isTaken) this.#hasHeldBack = true;
    this.#startNext();
    return isTaken;
  }

  /** Ends it without an attempt. */
  #end(delivery: DeliveryRecord, reason: DeadReason): void {
    const { committer, logger, signals } = this.#options;
    if (this.#ending.has(delivery.id)) return;
    this.#ending.add(delivery.id);
    const operation = { type: 'end_delivery', deliveryId: delivery.id } as const;
    const ending = committer
      .write({ ...operation, reason })
      .then(
        ({ verdict }) => {
          if (verdict === 'ok') signals?.deliveryEnded?.(delivery, reason);
        },
        (error: unknown) => {
          logger.error(
            { event: 'delivery_not_ended', deliveryId: delivery.id, err: error },
            'a delivery could not be ended',
          );
        },
      )
      .finally(() => {
        this.#ending.delete(delivery.id);
        this.#running.delete(ending);
      });
    this.#running.add(ending);
  }

  #isOverdue({ createdAt, replayed }: DeliveryRecord): boolean {
    const { clock, giveUpMs } = this.#options;
    return clock.now() >= (replayed?.at ?? createdAt) + giveUpMs;
  }

  #rest(id: Id): void {
    this.#sweep.wakeAt(this.#resting.add(id, this.#options.clock.now()));
  }

  #startNext(): void {
    while (this.#isStarted && this.#options.ownership?.mayAct() !== false) {
      const delivery = this.#lanes.take(this.#options.clock.monotonic());
      if (delivery === null) break;
      this.#delivering.set(delivery, 'calls');
      const running = this.#deliver(delivery).then(() => {
        this.#running.delete(running);
        this.#delivering.delete(delivery);
        this.#startNext();
      });
      this.#running.add(running);
    }
    this.#planHeld();
    // Room again for what the store still holds.
    if (this.#hasHeldBack && this.#isStarted && this.#lanes.waiting < WAITING_PER_ENDPOINT / 2) {
      this.#hasHeldBack = false;
      this.wake();
    }
  }

  /** Looks again when an endpoint may go on that its pace holds back. */
  #planHeld(): void {
    const { clock } = this.#options;
    const at = this.#lanes.heldUntil;
    if (this.#holdTimer !== null && this.#holdTimer.at === at) return;
    this.#holdTimer?.cancel();
    this.#holdTimer = null;
    if (at === null || !this.#isStarted) return;
    // Whole milliseconds: a timer that is early by a hair would be set again and again.
    const cancel = clock.after(Math.max(1, Math.ceil(at - clock.monotonic())), () => {
      this.#holdTimer = null;
      this.#startNext();
    });
    this.#holdTimer = { at, cancel };
  }

  async #deliver(delivery: DeliveryRecord): Promise<void> {
    const { clock, endpoints, logger, onSettled, signals } = this.#options;
    const details = { deliveryId: delivery.id, jobId: delivery.jobId };
    try {
      const lookingUp = endpoints?.lookUp(delivery.organization, delivery.endpointId) ?? null;
      if (lookingUp !== null && (await lookingUp)) {
        this.#end(delivery, 'endpoint_disabled');
        return;
      }
      const told = this.#results.take(delivery.id) ?? null;
      const onAnswer = (outcome: Outcome): void => {
        this.#delivering.set(delivery, 'writes');
        this.#lanes.over(delivery, outcome, clock.monotonic(), clock.now());
        this.#startNext();
      };
      const result = await attemptDelivery({ delivery, result: told, onAnswer }, this.#attempt);
      if (result.kind === 'dropped') {
        if (result.why === 'aborted') return;
        if (result.why === 'no_region' && this.#isOverdue(delivery)) {
          this.#end(delivery, 'gave_up');
          return;
        }
        this.#rest(delivery.id);
        logger.warn({ event: 'delivery_dropped', ...details, why: result.why }, 'delivery dropped');
        return;
      }
      const { next } = result.attempt.settled;
      if (next.state === 'pending') this.#sweep.wakeAt(next.nextAttemptAt);
      if (next.state === 'dead' && next.reason === 'gone') {
        endpoints?.gone(delivery.organization, delivery.endpointId);
      }
      signals?.delivered?.(delivery, result.attempt.settled);
      onSettled?.(result.attempt);
    } catch (error) {
      // It is still pending: a later sweep finds it again.
      this.#rest(delivery.id);
      logger.error(
        { event: 'delivery_attempt_failed', ...details, err: error },
        'delivery attempt failed on our side',
      );
    } finally {
      this.#sweep.ended(delivery.id);
      this.#lanes.release(delivery);
    }
  }
}
