import { effectiveBurst, intervalMs, type PaceState } from './pace-state.ts';

interface Booking {
  readonly id: number;
  /** When it was booked, or sent if later. */
  at: number;
  cost: number;
  isSettled: boolean;
}

/** Calls whose real cost is awaited; older ones then count with what was booked. */
const MAX_OPEN = 4_096;
/** What calls that cost more than was said may owe beyond the burst, in time. */
const MAX_DEBT_MS = 60_000;

/**
 * What the calls of one key have cost, where that is known only from their answers. Beside the key's
 * state: it is told of every booking, and gives the state back as it would be if the real cost had been
 * booked from the start. So what is given back is never more than was kept from others meanwhile, and
 * the bound on the rate holds for real costs. Mutable, deterministic; times are monotonic milliseconds.
 */
export class CostLedger {
  #bookings: Booking[] = [];
  /** Theoretical arrival time before the first booking that is kept. */
  #base = Number.NEGATIVE_INFINITY;
  #intervalMs = 0;
  #nextId = 0;

  /** Calls whose real cost is awaited. */
  get open(): number {
    return this.#bookings.length;
  }

  /**
   * Notes what `admit` has just booked.
   *
   * @param before The key's state before the booking, `after` behind it.
   * @returns Names the booking.
   */
  booked(before: PaceState, after: PaceState, cost: number, now: number): number {
    this.#follow(before);
    if (this.#bookings.length === 0) this.#base = before.arrivesAt;
    this.#intervalMs = intervalMs(after);
    const id = this.#nextId;
    this.#nextId += 1;
    this.#bookings.push({ id, at: now, cost, isSettled: false });
    if (this.#bookings.length > MAX_OPEN) this.#drop(1);
    return id;
  }

  /** The call left later than it was booked: it counts from then. */
  sent(state: PaceState, id: number, sentAt: number): PaceState {
    this.#follow(state);
    const booking = this.#bookings.find((one) => one.id === id);
    if (booking === undefined || sentAt <= booking.at) return state;
    booking.at = sentAt;
    this.#bookings.sort((first, second) => first.at - second.at);
    return { ...state, arrivesAt: Math.max(state.arrivesAt, this.#fold()) };
  }

  /**
   * The answer says what the call has really cost; without `actual` (null) it stays what was booked. A
   * difference is charged or given back. Never leaves the key with more than its burst, or owing more than
   * that and a minute's worth: a wrong number must not stop it for good.
   */
  settled(state: PaceState, id: number, actual: number | null, now: number): PaceState {
    this.#follow(state);
    const booking = this.#bookings.find((one) => one.id === id);
    if (booking === undefined) return state;
    const before = this.#fold();
    if (actual !== null) booking.cost = actual;
    booking.isSettled = true;
    const moved = this.#fold() - before;
    this.#prune();
    if (moved === 0) return state;
    const debtMs = effectiveBurst(state) * intervalMs(state) + MAX_DEBT_MS;
    const most = Math.max(state.arrivesAt, now + debtMs);
    return { ...state, arrivesAt: Math.min(most, state.arrivesAt + moved) };
  }

  /** Under another rate the times of before mean nothing: what was booked stays booked. */
  #follow(state: PaceState): void {
    if (this.#bookings.length === 0 || this.#intervalMs === intervalMs(state)) return;
    this.#bookings = [];
  }

  #fold(): number {
    let arrivesAt = this.#base;
    for (const { at, cost } of this.#bookings) {
      arrivesAt = Math.max(arrivesAt, at) + cost * this.#intervalMs;
    }
    return arrivesAt;
  }

  #prune(): void {
    const open = this.#bookings.findIndex(({ isSettled }) => !isSettled);
    this.#drop(open === -1 ? this.#bookings.length : open);
  }

  #drop(count: number): void {
    for (const { at, cost } of this.#bookings.splice(0, count)) {
      this.#base = Math.max(this.#base, at) + cost * this.#intervalMs;
    }
  }
}
