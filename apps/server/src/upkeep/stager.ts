import type { Clock, Id, Operation, Verdict, WorkReads, WorkRow } from '@ezthrottle/engine';
import type { Service } from './service.ts';

export interface StagerOptions {
  readonly work: Pick<WorkReads, 'due' | 'nextDueAt' | 'wakeable' | 'nextWakeAt'>;
  readonly committer: { write(operation: Operation): Promise<Verdict> };
  readonly clock: Clock;
  /** Slots to look after; undefined: all of them. Default: all. */
  readonly slots?: () => readonly number[] | undefined;
  /** Work that is ready on disk by now. */
  readonly onReady: (rows: readonly WorkRow[]) => void;
  /** Jobs that have to be decided again; resolves when they are. */
  readonly onWakeable: (ids: readonly Id[]) => Promise<void>;
  readonly logger: { error(details: object, message: string): void };
  /** Rows of one round. Default 200. */
  readonly batchRows?: number;
  /** Longest sleep, in milliseconds. Default 1 s. */
  readonly maxSleepMs?: number;
}

/** What one round has found due. */
export interface StagerCounts {
  readonly staged: number;
  readonly woken: number;
}

/** Between two rounds at the very least, in milliseconds; the shorter one while batches are full. */
const SHORTEST_SLEEP_MS = { behind: 0, abreast: 10 };

/** Brings to life what has been waiting for a moment: delayed work, and timers of jobs at rest. */
export class Stager implements Service {
  readonly name = 'stager';
  readonly #options: StagerOptions;
  #isStarted = false;
  #round: Promise<void> | null = null;
  #stopTimer: (() => void) | null = null;
  /** When the next round is planned; infinite while none is. */
  #plannedAt = Number.POSITIVE_INFINITY;
  /** The earliest moment named since the running round began. */
  #askedAt = Number.POSITIVE_INFINITY;

  constructor(options: StagerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#plan(this.#options.clock.now());
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#plannedAt = Number.POSITIVE_INFINITY;
    await this.#round;
  }

  /** Something is due at this moment, in milliseconds since the epoch. */
  wakeAt(at: number): void {
    if (!this.#isStarted) return;
    if (this.#round !== null) this.#askedAt = Math.min(this.#askedAt, at);
    else if (at < this.#plannedAt) this.#plan(at);
  }

  /** One round: at most a batch of each kind. */
  async runOnce(): Promise<StagerCounts> {
    const { work, committer, clock, onReady, onWakeable, batchRows = 200 } = this.#options;
    const slots = this.#options.slots?.();
    const rows = await work.due(clock.now(), batchRows, slots);
    if (rows.length > 0) {
      const refs = rows.map(({ jobId, leg }) => ({ jobId, leg }));
      const verdict = await committer.write({ type: 'stage', rows: refs });
      if (verdict.verdict === 'ok') onReady(rows);
    }
    const ids = await work.wakeable(clock.now(), batchRows, slots);
    if (ids.length > 0) await onWakeable(ids);
    return { staged: rows.length, woken: ids.length };
  }

  #plan(at: number): void {
    const { clock, maxSleepMs = 1_000 } = this.#options;
    this.#stopTimer?.();
    this.#plannedAt = at;
    const sleepMs = Math.min(maxSleepMs, Math.max(0, at - clock.now()));
    this.#stopTimer = clock.after(sleepMs, () => {
      this.#stopTimer = null;
      this.#round = this.#runAndPlan();
    });
  }

  async #runAndPlan(): Promise<void> {
    const { clock, logger, work, maxSleepMs = 1_000, batchRows = 200 } = this.#options;
    this.#askedAt = Number.POSITIVE_INFINITY;
    let next = clock.now() + maxSleepMs;
    let shortest = SHORTEST_SLEEP_MS.abreast;
    try {
      const { staged, woken } = await this.runOnce();
      const isBehind = Math.max(staged, woken) >= batchRows;
      shortest = isBehind ? SHORTEST_SLEEP_MS.behind : SHORTEST_SLEEP_MS.abreast;
      const slots = this.#options.slots?.();
      const moments = await Promise.all([work.nextDueAt(slots), work.nextWakeAt(slots)]);
      next = Math.min(next, ...moments.map((at) => at ?? next));
    } catch (error) {
      logger.error(
        { event: 'staging_failed', err: error },
        'what has become due could not be staged; trying again',
      );
    }
    this.#round = null;
    if (this.#isStarted)
      this.#plan(Math.max(clock.now() + shortest, Math.min(next, this.#askedAt)));
  }
}
