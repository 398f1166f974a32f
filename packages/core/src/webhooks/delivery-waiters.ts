import type { Delivery } from '../protocol/decode-delivery.ts';
import { DeliveryTimeoutError, ReceiverClosedError, TooManyWaitersError } from './errors.ts';

/** Whose delivery is awaited: a job's id, or its `idempotent_key`. */
export type AwaitedJob = string | { readonly key: string };

export interface WaitForOptions {
  /** Milliseconds until it is given up. Default 60 000. */
  readonly timeoutMs?: number;
  /** Gives up when it is aborted; the call then rejects with its reason. */
  readonly signal?: AbortSignal;
}

interface Waiter {
  readonly resolve: (delivery: Delivery) => void;
  readonly reject: (error: unknown) => void;
}

interface WaiterLimits {
  readonly maxWaiters: number;
  readonly after: (delayMs: number, callback: () => void) => () => void;
}

const TIMEOUT_MS = 60_000;
const LONGEST_TIMER_MS = 2_147_483_647;

/** Calls of this process that wait for a delivery. */
export class DeliveryWaiters {
  readonly #limits: WaiterLimits;
  readonly #waiting = new Map<string, Set<Waiter>>();
  #count = 0;
  #isClosed = false;

  constructor(limits: WaiterLimits) {
    this.#limits = limits;
  }

  async wait(job: AwaitedJob, options: WaitForOptions = {}): Promise<Delivery> {
    const { timeoutMs = TIMEOUT_MS, signal } = options;
    const { maxWaiters, after } = this.#limits;
    if (!(timeoutMs >= 1 && timeoutMs <= LONGEST_TIMER_MS)) {
      throw new RangeError(`timeoutMs must be from 1 to ${LONGEST_TIMER_MS}, got ${timeoutMs}.`);
    }
    signal?.throwIfAborted();
    if (this.#isClosed) throw new ReceiverClosedError();
    if (this.#count >= maxWaiters) throw new TooManyWaitersError(maxWaiters);
    const name = typeof job === 'string' ? `job ${job}` : `key ${job.key}`;
    let end = (): void => {};
    try {
      return await new Promise<Delivery>((resolve, reject) => {
        const waiter = { resolve, reject };
        const cancel = after(timeoutMs, () => reject(new DeliveryTimeoutError(name, timeoutMs)));
        const onAbort = (): void => reject(signal?.reason);
        signal?.addEventListener('abort', onAbort, { once: true });
        this.#add(name, waiter);
        end = () => {
          cancel();
          signal?.removeEventListener('abort', onAbort);
          this.#remove(name, waiter);
        };
      });
    } finally {
      end();
    }
  }

  /** Hands the delivery to all who wait for it; false when nobody does. */
  tell(delivery: Delivery): boolean {
    if (this.#count === 0) return false;
    const { jobId, idempotentKey } = delivery;
    const waiters = [
      ...(this.#waiting.get(`job ${jobId}`) ?? []),
      ...(idempotentKey === null ? [] : (this.#waiting.get(`key ${idempotentKey}`) ?? [])),
    ];
    for (const { resolve } of waiters) resolve(delivery);
    return waiters.length > 0;
  }

  close(): void {
    this.#isClosed = true;
    for (const waiters of this.#waiting.values()) {
      for (const { reject } of waiters) reject(new ReceiverClosedError());
    }
  }

  #add(name: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiters.add(waiter));
    this.#count += 1;
  }

  #remove(name: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(name);
    if (waiters?.delete(waiter) !== true) return;
    this.#count -= 1;
    if (waiters.size === 0) this.#waiting.delete(name);
  }
}
