import type { DeliveryRecord, Id } from '@ezthrottle/engine';

export interface LaneLimits {
  /** Deliveries under way at once. */
  readonly concurrency: number;
  /** Of these, to one endpoint: an origin within an organization. */
  readonly perEndpointConcurrency: number;
  /** Deliveries that may wait in memory for one endpoint, and for all. */
  readonly waitingPerEndpoint: number;
  readonly waiting: number;
}

/** After so many attempts without any answer an endpoint is tried by one delivery at a time. */
const SILENT_ATTEMPTS = 3;

interface Lane {
  readonly key: string;
  readonly waiting: DeliveryRecord[];
  running: number;
  silentAttempts: number;
}

/**
 * Which delivery goes next: one lane per endpoint, taken in turn, each with few under way, so that
 * an endpoint that is slow or down holds up only its own deliveries. Pure bookkeeping.
 */
export class EndpointLanes {
  readonly #limits: LaneLimits;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that could start one now, in the order of their turns. */
  readonly #ready = new Map<string, Lane>();
  readonly #known = new Set<Id>();
  readonly #calling = new Map<Id, Lane>();
  #waiting = 0;
  #running = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** False when there is no room for it: it stays where it is, in the store. */
  add(delivery: DeliveryRecord): boolean {
    if (this.#known.has(delivery.id)) return true;
    const lane = this.#laneOf(delivery);
    const hasRoom =
      lane.waiting.length < this.#limits.waitingPerEndpoint && this.waiting < this.#limits.waiting;
    if (!hasRoom) return false;
    this.#lanes.set(lane.key, lane);
    this.#known.add(delivery.id);
    lane.waiting.push(delivery);
    this.#waiting += 1;
    this.#update(lane);
    return true;
  }

  /** The next delivery to start, which counts as running until it is released. */
  take(): DeliveryRecord | null {
    if (this.#running >= this.#limits.concurrency) return null;
    for (const lane of this.#ready.values()) {
      const delivery = lane.waiting.shift();
      if (delivery === undefined) continue;
      this.#calling.set(delivery.id, lane);
      this.#waiting -= 1;
      lane.running += 1;
      this.#running += 1;
      // To the end of the round.
      this.#ready.delete(lane.key);
      this.#update(lane);
      return delivery;
    }
    return null;
  }

  /**
   * Its call is over: the next one may go. It stays known until it is released, so that it does not go
   * out again before it is settled.
   *
   * @param answered Whether the endpoint answered at all, whatever it said.
   */
  over(delivery: DeliveryRecord, answered: boolean): void {
    const lane = this.#calling.get(delivery.id);
    if (lane === undefined) return;
    this.#calling.delete(delivery.id);
    lane.running -= 1;
    this.#running -= 1;
    lane.silentAttempts = answered ? 0 : lane.silentAttempts + 1;
    if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(lane.key);
    this.#update(lane);
  }

  /** It is settled, or given up: from now on it counts as unknown. */
  release(delivery: DeliveryRecord): void {
    this.over(delivery, false);
    this.#known.delete(delivery.id);
  }

  /** Forgets what waits; what runs is still released by its owner. */
  clearWaiting(): void {
    for (const lane of this.#lanes.values()) {
      for (const { id } of lane.waiting) this.#known.delete(id);
      this.#waiting -= lane.waiting.length;
      lane.waiting.length = 0;
      if (lane.running === 0) this.#lanes.delete(lane.key);
    }
    this.#ready.clear();
  }

  #laneOf(delivery: DeliveryRecord): Lane {
    const key = laneKey(delivery);
    return this.#lanes.get(key) ?? { key, waiting: [], running: 0, silentAttempts: 0 };
  }

  #update(lane: Lane): void {
    const limit = lane.silentAttempts >= SILENT_ATTEMPTS ? 1 : this.#limits.perEndpointConcurrency;
    if (lane.waiting.length > 0 && lane.running < limit) this.#ready.set(lane.key, lane);
    else this.#ready.delete(lane.key);
  }
}

/** By origin rather than by address: users put ids into queries, and it is hosts that are down. */
function laneKey({ organization, url }: DeliveryRecord): string {
  return `${organization} ${URL.parse(url)?.origin ?? url}`;
}
