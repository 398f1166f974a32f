import type { Id, JobReads, JobSpec, LiveJob, RunState, Verdict } from '@ezthrottle/engine';
import { JobCache } from './job-cache.ts';

/** A job in memory. Its run is the truth; what is on disk follows, in order. */
export interface ActiveJob {
  readonly id: Id;
  readonly organization: Id;
  readonly apiKey: Id;
  readonly spec: JobSpec;
  readonly idempotentKey: string;
  readonly parent: LiveJob['parent'];
  run: RunState;
  /** What the next advance must name. */
  version: number;
  wakeAt: number | null;
  /** The moment that is on disk: behind `wakeAt` from a call's start to its end. */
  storedWakeAt: number | null;
  /** Advances under way. */
  pending: number;
  /** Those who work with it now. */
  holds: number;
  /** Set when a write was refused: this copy is wrong, nothing more may be written from it. */
  isLost: boolean;
  stopTimer: (() => void) | null;
}

export function activeJob(job: Omit<LiveJob, 'createdAt'>): ActiveJob {
  const { id, organization, apiKey, spec, idempotentKey, parent, run, version, wakeAt } = job;
  return {
    id,
    organization,
    apiKey,
    spec,
    idempotentKey,
    parent,
    run,
    version,
    wakeAt,
    storedWakeAt: wakeAt,
    pending: 0,
    holds: 0,
    isLost: false,
    stopTimer: null,
  };
}

/**
 * The jobs that are in memory: those with an armed attempt or a write under way for certain, others
 * as long as the cache has room. There is never more than one copy of a job.
 */
export class ActiveJobs {
  readonly #active = new Map<Id, ActiveJob>();
  readonly #cache: JobCache<ActiveJob>;
  readonly #reads: Pick<JobReads, 'live'>;
  readonly #batchRows: number;
  #wanted: {
    readonly id: Id;
    readonly found: (job: ActiveJob | null) => void;
    readonly failed: (error: unknown) => void;
  }[] = [];

  constructor(
    reads: Pick<JobReads, 'live'>,
    limits: { readonly cacheBytes: number; readonly batchRows: number },
  ) {
    this.#reads = reads;
    this.#batchRows = limits.batchRows;
    this.#cache = new JobCache(limits.cacheBytes);
  }

  get size(): number {
    return this.#active.size;
  }

  values(): Iterable<ActiveJob> {
    return this.#active.values();
  }

  /** The job if it is in use now. */
  get(id: Id): ActiveJob | undefined {
    return this.#active.get(id);
  }

  /**
   * Takes in a job that was just written, and gives the copy to go on with: a line that was read in
   * the same moment may have brought it in already.
   */
  adopt(job: ActiveJob): ActiveJob {
    const known = this.#active.get(job.id) ?? this.#revive(job.id);
    if (known !== undefined) return known;
    this.#active.set(job.id, job);
    return job;
  }

  /**
   * Gives the job to `use`, from memory or from the store; null when it is unknown or has ended. It
   * stays in memory until `use` is done, so that everybody works with the same copy.
   */
  async with<Result>(id: Id, use: (job: ActiveJob | null) => Promise<Result>): Promise<Result> {
    const job = await this.#acquire(id);
    try {
      return await use(job);
    } finally {
      if (job !== null) {
        job.holds -= 1;
        this.release(job);
      }
    }
  }

  /**
   * Gives the job to `use`, and once more as the store has it when somebody else had moved it meanwhile.
   * Null when it is unknown or has ended, or when nothing followed.
   */
  async withLatest(
    id: Id,
    use: (job: ActiveJob) => Promise<Verdict | null>,
  ): Promise<Verdict | null> {
    let verdict: Verdict | null = null;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      verdict = await this.with(id, async (job) => (job === null ? null : await use(job)));
      if (verdict?.verdict !== 'stale') break;
    }
    return verdict;
  }

  /** Lets go of a job that has nothing under way any more; until then does nothing. */
  release(job: ActiveJob): void {
    if (this.#letGo(job) && job.run.end === null && !job.isLost) {
      this.#cache.put(job.id, job, weight(job));
    }
  }

  /** Lets go of it like `release`, and keeps it only while there is room: others' turns come first. */
  dismiss(job: ActiveJob): void {
    const bytes = weight(job);
    if (this.#cache.hasRoom(bytes)) this.release(job);
    else this.#letGo(job);
  }

  /** Lets go of it and remembers nothing: it is another node's to move on. */
  drop(job: ActiveJob): void {
    this.#letGo(job);
  }

  /** Forgets all that nobody works with now: other nodes may have moved it on. */
  forgetIdle(): void {
    this.#cache.clear();
  }

  #letGo(job: ActiveJob): boolean {
    if (job.pending > 0 || job.holds > 0 || this.#active.get(job.id) !== job) return false;
    if (job.run.end === null && job.run.legs.some(({ state }) => state === 'armed')) return false;
    this.#active.delete(job.id);
    job.stopTimer?.();
    job.stopTimer = null;
    return true;
  }

  /** The copy in memory is wrong: the next `acquire` reads the store. */
  lose(job: ActiveJob): void {
    job.isLost = true;
    job.stopTimer?.();
    job.stopTimer = null;
    if (this.#active.get(job.id) === job) this.#active.delete(job.id);
  }

  #acquire(id: Id): ActiveJob | Promise<ActiveJob | null> {
    const job = this.#active.get(id) ?? this.#revive(id);
    if (job === undefined) return this.#load(id);
    job.holds += 1;
    return job;
  }

  #revive(id: Id): ActiveJob | undefined {
    const job = this.#cache.take(id);
    if (job !== undefined) this.#active.set(id, job);
    return job;
  }

  #load(id: Id): Promise<ActiveJob | null> {
    return new Promise<ActiveJob | null>((found, failed) => {
      // All that is asked for in this turn is read at once.
      if (this.#wanted.length === 0) queueMicrotask(() => void this.#readWanted());
      this.#wanted.push({ id, found, failed });
    });
  }

  async #readWanted(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = [];
    for (let start = 0; start < wanted.length; start += this.#batchRows) {
      const batch = wanted.slice(start, start + this.#batchRows);
      try {
        const rows = await this.#reads.live(batch.map(({ id }) => id));
        const byId = new Map(rows.map((row) => [row.id, row]));
        for (const { id, found } of batch) found(this.#loaded(id, byId.get(id)));
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
  }

  /** Held at once: who waits for it goes on only in a later turn. */
  #loaded(id: Id, row: LiveJob | undefined): ActiveJob | null {
    const known = this.#active.get(id) ?? this.#revive(id);
    const job = known ?? (row === undefined ? undefined : activeJob(row));
    if (job === undefined) return null;
    this.#active.set(id, job);
    job.holds += 1;
    return job;
  }
}

/** Nodes that move one job at the same time take turns: each of them gets through when its turn comes. */
const MOST_TRIES = 10;

/** Roughly the bytes that a job takes: its bodies and a margin for the rest. */
function weight({ spec }: ActiveJob): number {
  const bodies = spec.paths.reduce((sum, { body }) => sum + (body?.data.length ?? 0), 0);
  const followers = spec.paths.some(
    ({ onSuccess, onFailure }) => onSuccess !== null || onFailure !== null,
  );
  return 2 * bodies + (followers ? 32_768 : 4_096);
}
