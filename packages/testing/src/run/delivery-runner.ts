import { DEFAULTS } from '@ezthrottle/core/protocol';
import {
  type AttemptReport,
  deliveryPayload,
  deliveryRequest,
  type DeliveryRecord,
  type Id,
  resultAttempts,
  settledDelivery,
} from '@ezthrottle/engine';
import { signEd25519 } from '../digest.ts';
import type { RunParts } from './rules.ts';

const USER_AGENT = 'EZThrottle-Webhooks';
/** Bytes of an endpoint's answer that are read; none are kept. */
const ANSWER_BYTES = 16_384;

/** Sends results to webhooks, by the engine's rules. */
export class DeliveryRunner {
  readonly #parts: RunParts;
  readonly #running = new Set<Id>();

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  /** Attempts under way. */
  get inFlight(): number {
    return this.#running.size;
  }

  /** When the next attempt is due, in milliseconds since the epoch; null: none is. */
  nextAt(): number | null {
    const next = this.#parts.store.deliveries.nextOf(({ id }) => !this.#running.has(id));
    return next?.nextAttemptAt ?? null;
  }

  /** Begins the attempt that has been due longest. False: none is due. */
  beginNext(): boolean {
    const { store, clock } = this.#parts;
    const next = store.deliveries.nextOf(({ id }) => !this.#running.has(id));
    if (next === null || (next.nextAttemptAt ?? 0) > clock.now()) return false;
    if (store.deliveries.isDisabled(next)) {
      const reason = 'endpoint_disabled';
      store.commitNow({ type: 'end_delivery', deliveryId: next.id, reason });
      return true;
    }
    this.#begin(next);
    return true;
  }

  #begin(delivery: DeliveryRecord): void {
    const { network, clock, signersOf, newToken } = this.#parts;
    const attempt = delivery.attempts + 1;
    const payload = this.#payloadOf(delivery, attempt);
    if (payload === null) throw new Error(`delivery ${delivery.id} is about no ended job`);
    const isVirtual = network.targetOf(delivery.url)?.signedBy === 'virtual';
    const { headers, body } = deliveryRequest({
      payload,
      ...signersOf(delivery.organization),
      userAgent: USER_AGENT,
      // Receivers know the time of the system, unless they were given another clock.
      now: isVirtual ? clock.now() : Date.now(),
      ed25519: signEd25519,
    });
    this.#running.add(delivery.id);
    const call = {
      token: newToken(),
      url: delivery.url,
      method: 'POST',
      headers,
      body: { encoding: 'utf8' as const, data: body },
      timeoutMs: DEFAULTS.deliveryTimeoutMs,
      region: '',
      maxResponseBytes: ANSWER_BYTES,
    };
    network.send(call, (report) => this.#settle(delivery, attempt, report));
  }

  #payloadOf(delivery: DeliveryRecord, attempt: number): ReturnType<typeof deliveryPayload> {
    const { jobs } = this.#parts.store;
    const job = jobs.record(delivery.jobId);
    if (job === null || job.end === null) return null;
    return deliveryPayload(
      job,
      delivery,
      jobs.responsesOf(job.id, resultAttempts(job.end)),
      attempt,
    );
  }

  #settle(delivery: DeliveryRecord, attempt: number, report: AttemptReport): void {
    const { store, clock, schedule, random } = this.#parts;
    this.#running.delete(delivery.id);
    const now = clock.now();
    store.commitNow(
      settledDelivery(delivery, attempt, report, { now, schedule, random: random() }),
    );
  }
}
