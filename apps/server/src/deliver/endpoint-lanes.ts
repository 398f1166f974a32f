import {
  type DeliveryRecord,
  type Id,
  isEgressError,
  originOfAddress,
  type Outcome,
} from '@ezthrottle/engine';
import { EndpointPace } from './endpoint-pace.ts';

export interface LaneLimits {
  /** Deliveries under way at once. */
  readonly concurrency: number;
  /** Of these, to one endpoint: an origin within an organization. */
  readonly perEndpointConcurrency: number;
  /** Deliveries that may wait in memory for one endpoint, and for all. */
  readonly waitingPerEndpoint: number;
  readonly waiting: number;
  /** Deliveries per second to one endpoint; absent: as many as it bears. */
  readonly ratePerSecond?: number | null;
}

/** Endpoints that are remembered for what they have said while nothing is there for them. */
const REMEMBERED = 10_000;

/** After so many attempts without any answer an endpoint is tried by one delivery at a time. */
const SILENT_ATTEMPTS = 3;

interface Lane {
  readonly key: string;
  readonly waiting: DeliveryRecord[];
  readonly pace: EndpointPace;
  running: number;
  silentAttempts: number;
}

/** A delivery that was let go. */
interface Calling {
  readonly lane: Lane;
  readonly isProbe: boolean;
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
  /** Lanes that wait for their pace until then; null: until a delivery of theirs has ended. */
  readonly #held = new Map<Lane, number | null>();
  readonly #known = new Set<Id>();
  readonly #calling = new Map<Id, Calling>();
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

  /** When a lane may go on that waits for its pace, on the monotonic clock; null: no such moment. */
  get heldUntil(): number | null {
    let earliest: number | null = null;
    for (const until of this.#held.values()) {
      if (until !== null && (earliest === null || until < earliest)) earliest = until;
    }
    return earliest;
  }

  /**
   * The next delivery to start, which counts as running until it is released.
   *
   * @param now Monotonic milliseconds.
   */
  take(now: number): DeliveryRecord | null {
    if (this.#running >= this.#limits.concurrency) return null;
    for (const [lane, until] of this.#held) {
      if (until !== null && until <= now) this.#update(lane);
    }
    for (const lane of this.#ready.values()) {
      const pass = lane.pace.pass(now);
      if (pass.pass === 'hold') {
        this.#ready.delete(lane.key);
        this.#held.set(lane, pass.until);
        continue;
      }
      const delivery = lane.waiting.shift();
      if (delivery === undefined) continue;
      const isProbe = pass.pass === 'go' && pass.isProbe;
      this.#calling.set(delivery.id, { lane, isProbe });
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

  /** Forgets what the endpoint of this address has said. */
  forget(organization: Id, url: string): void {
    const lane = this.#lanes.get(laneKey({ organization, url }));
    if (lane === undefined) return;
    lane.pace.forget();
    this.#update(lane);
  }

  /**
   * Its call is over: the next one may go, as the endpoint's answer allows. It stays known until it is
   * released, so that it does not go out again before it is settled.
   *
   * @param now Monotonic, `wallNow` milliseconds since the epoch.
   */
  over(delivery: DeliveryRecord, outcome: Outcome, now: number, wallNow: number): void {
    const calling = this.#calling.get(delivery.id);
    if (calling === undefined) return;
    const { lane, isProbe } = calling;
    lane.pace.after(outcome, isProbe, now, wallNow);
    // An egress that fails says nothing of the endpoint.
    if (!isEgressError(outcome)) {
      lane.silentAttempts = outcome.kind === 'response' ? 0 : lane.silentAttempts + 1;
    }
    this.#end(delivery, lane);
  }

  /** It is settled, or given up, perhaps before it was sent: from now on it counts as unknown. */
  release(delivery: DeliveryRecord): void {
    this.#known.delete(delivery.id);
    const unsent = this.#calling.get(delivery.id);
    if (unsent === undefined) return;
    unsent.lane.pace.abandon(unsent.isProbe);
    this.#end(delivery, unsent.lane);
  }

  /** Forgets what waits at these origins, and what they have said. What runs is still released by its owner. */
  forgetWaiting(isMeant: (delivery: DeliveryRecord) => boolean): void {
    for (const lane of Array.from(this.#lanes.values())) {
      const gone = lane.waiting.filter(isMeant);
      if (gone.length === 0) continue;
      const kept = lane.waiting.filter((delivery) => !gone.includes(delivery));
      for (const { id } of gone) this.#known.delete(id);
      this.#waiting -= gone.length;
      lane.waiting.splice(0, lane.waiting.length, ...kept);
      this.#update(lane);
      if (lane.running === 0 && kept.length === 0) this.#leave(lane);
    }
  }

  /** Forgets what waits; what runs is still released by its owner. */
  clearWaiting(): void {
    // A copy: lanes that are remembered are put in again, at the end.
    for (const lane of Array.from(this.#lanes.values())) {
      for (const { id } of lane.waiting) this.#known.delete(id);
      this.#waiting -= lane.waiting.length;
      lane.waiting.length = 0;
      if (lane.running === 0) this.#leave(lane);
    }
    this.#ready.clear();
    this.#held.clear();
  }

  #end(delivery: DeliveryRecord, lane: Lane): void {
    this.#calling.delete(delivery.id);
    lane.running -= 1;
    this.#running -= 1;
    this.#update(lane);
    if (lane.running === 0 && lane.waiting.length === 0) this.#leave(lane);
  }

  /** Nothing is there for it any more; what it has said is remembered, within a bound. */
  #leave(lane: Lane): void {
    this.#lanes.delete(lane.key);
    if (!lane.pace.isKnown) return;
    this.#lanes.set(lane.key, lane);
    if (this.#lanes.size <= REMEMBERED) return;
    for (const idle of this.#lanes.values()) {
      if (idle.running > 0 || idle.waiting.length > 0) continue;
      this.#lanes.delete(idle.key);
      return;
    }
  }

  #laneOf(delivery: DeliveryRecord): Lane {
    const key = laneKey(delivery);
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const pace = new EndpointPace(this.#limits.ratePerSecond ?? null);
    return { key, waiting: [], pace, running: 0, silentAttempts: 0 };
  }

  #update(lane: Lane): void {
    this.#held.delete(lane);
    const limit = lane.silentAttempts >= SILENT_ATTEMPTS ? 1 : this.#limits.perEndpointConcurrency;
    if (lane.waiting.length > 0 && lane.running < limit) this.#ready.set(lane.key, lane);
    else this.#ready.delete(lane.key);
  }
}

/** By origin rather than by address: users put ids into queries, and it is hosts that are down. */
function laneKey({ organization, url }: Pick<DeliveryRecord, 'organization' | 'url'>): string {
  return `${organization} ${originOfAddress(url)}`;
}
