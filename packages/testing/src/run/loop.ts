import type { Activity } from '../network/activity.ts';
import type { MemoryStore } from '../store/memory-store.ts';
import { TestServerError } from '../test-server-error.ts';
import type { VirtualClock } from '../time/virtual-clock.ts';
import type { DeliveryRunner } from './delivery-runner.ts';
import type { JobRunner } from './job-runner.ts';

/** Rows that are looked at in one go. */
const ROWS = 1_000;
/** Things that may happen in one moment before it counts as endless. */
const MOST_AT_ONCE = 100_000;

export interface LoopParts {
  readonly store: MemoryStore;
  readonly clock: VirtualClock;
  readonly activity: Activity;
  readonly jobs: JobRunner;
  readonly deliveries: DeliveryRunner;
}

/** Moves time from one thing that is due to the next, and does each. */
export class Loop {
  readonly #parts: LoopParts;
  #isMoving = false;
  #moments = 0;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  /** Moments to which time was moved so far. */
  get moments(): number {
    return this.#moments;
  }

  /** Does everything that is due now. */
  settle(): Promise<void> {
    return this.#exclusively(() => this.#doDue());
  }

  /** Does everything that is due within this time, and ends exactly after it. */
  advance(ms: number): Promise<void> {
    return this.#exclusively(async () => {
      const { clock } = this.#parts;
      const target = clock.monotonic() + ms;
      await this.#doDue();
      for (let next = this.#nextAt(); next !== null && next <= target; next = this.#nextAt()) {
        await this.#moveTo(next);
      }
      clock.moveTo(target);
      await this.#doDue();
    });
  }

  /** Goes on until no job is live and no delivery is pending. @throws {TestServerError} `endless` */
  toEnd(maxMoments: number): Promise<void> {
    return this.#exclusively(async () => {
      await this.#doDue();
      const last = this.#moments + maxMoments;
      for (let next = this.#nextAt(); !this.#isDone() && next !== null; next = this.#nextAt()) {
        if (this.#moments >= last) throw notAtAnEnd(maxMoments);
        await this.#moveTo(next);
      }
    });
  }

  /**
   * Goes on until the promise is settled.
   *
   * @throws {TestServerError} `stuck` when nothing is left to happen, `endless` at the bound.
   */
  until<Result>(promise: Promise<Result>, maxMoments: number): Promise<Result> {
    return this.#exclusively(async () => {
      let isSettled = false;
      const settled = (): void => {
        isSettled = true;
      };
      promise.then(settled, settled);
      const last = this.#moments + maxMoments;
      const { activity } = this.#parts;
      for (;;) {
        await this.#doDue();
        while (!isSettled && !activity.hasParked && (await activity.change())) await this.#doDue();
        if (isSettled) return await promise;
        const next = this.#nextAt();
        if (next === null || this.#moments >= last) {
          throw new TestServerError(
            'stuck',
            'Nothing is left to happen, and the promise waits on.',
          );
        }
        await this.#moveTo(next);
      }
    });
  }

  async #exclusively<Result>(move: () => Promise<Result>): Promise<Result> {
    if (this.#isMoving) {
      throw new TestServerError(
        'time_is_moving',
        'Time is being moved already: await that call before the next one.',
      );
    }
    this.#isMoving = true;
    try {
      return await move();
    } finally {
      this.#isMoving = false;
    }
  }

  async #moveTo(elapsed: number): Promise<void> {
    this.#moments += 1;
    this.#parts.clock.moveTo(elapsed);
    await this.#doDue();
  }

  async #doDue(): Promise<void> {
    const { activity } = this.#parts;
    this.#doDueNow();
    while (activity.isBusy) {
      await activity.rest();
      this.#doDueNow();
    }
  }

  #doDueNow(): void {
    let count = 0;
    while (this.#doNext()) {
      count += 1;
      if (count > MOST_AT_ONCE) {
        throw new TestServerError('endless', 'One moment does not come to its end.');
      }
    }
  }

  #doNext(): boolean {
    const { store, clock, jobs, deliveries } = this.#parts;
    if (clock.fireNext()) return true;
    const now = clock.now();
    const [wakeable] = store.work.wakeableJobs(now, 1);
    if (wakeable !== undefined) {
      jobs.wake(wakeable);
      return true;
    }
    const rows = store.work.dueRows(now, ROWS);
    if (rows.length > 0) {
      jobs.stage(rows);
      return true;
    }
    return deliveries.beginNext();
  }

  /** When the next thing is due, since the start; null: nothing is. */
  #nextAt(): number | null {
    const { store, clock, deliveries } = this.#parts;
    const moments = [store.work.nextTimerAt(), store.work.nextReadyAt(), deliveries.nextAt()]
      .filter((at) => at !== null)
      .map((at) => clock.elapsedAt(at));
    const timer = clock.nextTimerAt();
    const all = timer === null ? moments : [...moments, timer];
    return all.length === 0 ? null : Math.min(...all);
  }

  #isDone(): boolean {
    const { store, jobs, deliveries } = this.#parts;
    // Every live job has a deadline, and so a timer.
    const isLive = store.work.nextTimerAt() !== null;
    return !isLive && jobs.inFlight + deliveries.inFlight === 0 && deliveries.nextAt() === null;
  }
}

function notAtAnEnd(moments: number): TestServerError {
  return new TestServerError('endless', `Not at an end after ${moments} moments.`);
}
