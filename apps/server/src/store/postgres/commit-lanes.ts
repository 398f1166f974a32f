import type { Operation, Verdict } from '@ezthrottle/engine';
import { touchedByAll } from './waves.ts';

/** Writes one batch after the other. */
export interface CommitLane {
  commit(batch: readonly Operation[]): Promise<readonly Verdict[]>;
}

interface Waiting {
  readonly batch: readonly Operation[];
  readonly resolve: (verdicts: readonly Verdict[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A batch that is being written. What it touches is asked for only when another one could go beside it. */
class UnderWay {
  readonly lane: CommitLane;
  readonly #batch: readonly Operation[];
  #touched: ReadonlySet<string> | null | undefined = undefined;

  constructor(lane: CommitLane, batch: readonly Operation[]) {
    this.lane = lane;
    this.#batch = batch;
  }

  isInTheWayOf(names: ReadonlySet<string> | null): boolean {
    if (this.#touched === undefined) this.#touched = touchedByAll(this.#batch);
    const touched = this.#touched;
    return names === null || touched === null || [...names].some((name) => touched.has(name));
  }
}

/**
 * Batches in lanes beside each other, each a transaction of its own. They begin in the order in which they
 * came, and one that touches what another one touches waits until that one is written.
 */
export class CommitLanes {
  readonly #lanes: readonly CommitLane[];
  readonly #underWay = new Set<UnderWay>();
  readonly #waiting: Waiting[] = [];
  readonly #onIdle: (() => void)[] = [];

  constructor(lanes: readonly CommitLane[]) {
    this.#lanes = lanes;
  }

  commit(batch: readonly Operation[]): Promise<readonly Verdict[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.#next();
    });
  }

  /** Resolves when no batch is being written and none waits. */
  idle(): Promise<void> {
    if (this.#underWay.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #next(): void {
    for (;;) {
      const [first] = this.#waiting;
      const lane = this.#freeLane();
      if (first === undefined || lane === undefined || !this.#mayBegin(first.batch)) return;
      this.#waiting.shift();
      void this.#run(lane, first);
    }
  }

  /** The foremost, so that the others rest while one is enough. */
  #freeLane(): CommitLane | undefined {
    const busy = new Set([...this.#underWay].map(({ lane }) => lane));
    return this.#lanes.find((lane) => !busy.has(lane));
  }

  #mayBegin(batch: readonly Operation[]): boolean {
    if (this.#underWay.size === 0) return true;
    const touched = touchedByAll(batch);
    return [...this.#underWay].every((underWay) => !underWay.isInTheWayOf(touched));
  }

  async #run(lane: CommitLane, { batch, resolve, reject }: Waiting): Promise<void> {
    const underWay = new UnderWay(lane, batch);
    this.#underWay.add(underWay);
    try {
      resolve(await lane.commit(batch));
    } catch (error) {
      reject(error);
    } finally {
      this.#underWay.delete(underWay);
      this.#next();
      if (this.#underWay.size === 0) for (const tell of this.#onIdle.splice(0)) tell();
    }
  }
}
