import type { Clock, DeliveryReads, DeliveryRecord, DueDelivery, Id } from '@ezthrottle/engine';

export interface DueSweepOptions {
  readonly deliveries: Pick<DeliveryReads, 'due' | 'nextDueAt'>;
  readonly clock: Clock;
  /** Gets every row that is found, known ones too. False when there is no room for it now. */
  readonly take: (delivery: DeliveryRecord) => boolean;
  readonly onError: (error: unknown) => void;
  /** Slots to look after; undefined: all of them. Default: all. */
  readonly slots?: () => readonly number[] | undefined;
  /** Looks at least this often, told or not, in milliseconds. Default: only when told or due. */
  readonly everyMs?: number | undefined;
}

const PAGE = 500;
/** Pages read from either end of a sweep: bounds the time it takes, whatever the backlog. */
const PAGES = 4;
/** Rest between sweeps, however often they are asked for. */
const REST_MS = 40;
/** Rest when something due could not be taken, or could not be read. */
const LONG_REST_MS = 1_000;

/**
 * Finds deliveries that are due, oldest first. When there are more than can be taken, a second pass
 * walks on through the rest, a stretch per sweep, so that a long line before one endpoint does not
 * hide what is due for others behind it.
 */
export class DueSweep {
  readonly #options: DueSweepOptions;
  #isRunning = false;
  #sweeping: Promise<void> | null = null;
  #again = false;
  #hand: DueDelivery | null = null;
  #isHeldBack = false;
  #restsUntil = 0;
  /** Whose attempt has ended while the store was being read; null: it is not being read. */
  #endedSince: Set<Id> | null = null;
  #timer: { readonly at: number; readonly cancel: () => void } | null = null;

  constructor(options: DueSweepOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#again = false;
    this.wakeAt(this.#options.clock.now());
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#sweeping;
  }

  /** Looks again at this moment, in milliseconds since the epoch, or earlier if asked for elsewhere. */
  wakeAt(at: number): void {
    const { clock } = this.#options;
    if (!this.#isRunning || (this.#timer !== null && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const wait = Math.max(at - clock.now(), this.#restsUntil - clock.monotonic(), 0);
    const cancel = clock.after(wait, () => {
      this.#timer = null;
      this.#begin();
    });
    this.#timer = { at, cancel };
  }

  /**
   * An attempt of this delivery has ended. What is being read may show it as it was before, and it would be
   * sent once more.
   */
  ended(id: Id): void {
    this.#endedSince?.add(id);
  }

  #begin(): void {
    if (this.#sweeping !== null) {
      this.#again = true;
      return;
    }
    this.#sweeping = this.#sweep()
      .catch((error: unknown) => {
        this.#options.onError(error);
        return this.#options.clock.now() + LONG_REST_MS;
      })
      .then((nextAt) => {
        this.#sweeping = null;
        this.#restsUntil = this.#options.clock.monotonic() + REST_MS;
        const isAgain = this.#again;
        this.#again = false;
        if (nextAt !== null) this.wakeAt(nextAt);
        if (isAgain) this.wakeAt(this.#options.clock.now());
      });
  }

  /** When to look again; null: only when told. */
  async #sweep(): Promise<number | null> {
    const { clock, deliveries, everyMs, slots } = this.#options;
    const beganAt = clock.now();
    this.#isHeldBack = false;
    const front = await this.#walk(null);
    // What the front did not reach, a stretch at a time, round and round.
    this.#hand = front === null ? null : await this.#walk(later(front, this.#hand));
    const nextDueAt = await deliveries.nextDueAt(beganAt, slots?.());
    const now = clock.now();
    const looks = [
      ...(nextDueAt === null ? [] : [nextDueAt]),
      ...(everyMs === undefined ? [] : [now + everyMs]),
      ...(this.#isHeldBack || front !== null ? [now + LONG_REST_MS] : []),
    ];
    return looks.length === 0 ? null : Math.min(...looks);
  }

  /** Reads some pages after the given row; the last row read, or null when there are no more. */
  async #walk(from: DueDelivery | null): Promise<DueDelivery | null> {
    let after = from;
    for (let page = 0; page < PAGES && this.#isRunning; page += 1) {
      const rows: readonly DeliveryRecord[] = await this.#takePage(after);
      const last = rows.at(-1);
      if (last === undefined || last.nextAttemptAt === null || rows.length < PAGE) return null;
      after = { id: last.id, nextAttemptAt: last.nextAttemptAt };
    }
    return after;
  }

  async #takePage(after: DueDelivery | null): Promise<readonly DeliveryRecord[]> {
    const { clock, deliveries, slots, take } = this.#options;
    const ended = new Set<Id>();
    this.#endedSince = ended;
    try {
      const rows = await deliveries.due(clock.now(), PAGE, after, slots?.());
      for (const row of rows) {
        // One that is still due stands in what is read next.
        if (!ended.has(row.id) && !take(row)) this.#isHeldBack = true;
      }
      return rows;
    } finally {
      this.#endedSince = null;
    }
  }
}

function later(front: DueDelivery, hand: DueDelivery | null): DueDelivery {
  return hand !== null && hand.nextAttemptAt >= front.nextAttemptAt ? hand : front;
}
