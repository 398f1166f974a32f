import { JOB_STATES, type JobState } from '@ezthrottle/core/protocol';
import type {
  AdvanceOperation,
  Id,
  JobEnd,
  NewJob,
  NewWork,
  PruneOperation,
  SettleDeliveryOperation,
  StageOperation,
  Verdict,
} from '@ezthrottle/engine';

interface ModelDelivery {
  readonly id: Id;
  state: 'pending' | 'delivered' | 'dead';
  attempts: number;
  nextAttemptAt: number | null;
}

interface ModelJob {
  readonly job: NewJob;
  /** Order of arrival. */
  readonly arrival: number;
  state: JobState;
  version: number;
  wakeAt: number | null;
  end: JobEnd | null;
  work: Map<number, NewWork>;
  attempts: number;
  deliveries: ModelDelivery[];
}

interface ModelKey {
  readonly holder: Id;
  readonly fingerprint: string;
  readonly windowMs: number;
  expiresAt: number | null;
}

export type ModelOperation =
  | { readonly type: 'submit'; readonly job: NewJob }
  | AdvanceOperation
  | StageOperation
  | SettleDeliveryOperation
  | PruneOperation;

/** What the port promises, in the plainest way: maps, and a scan for every question. One organization. */
export class ModelStore {
  readonly #jobs = new Map<Id, ModelJob>();
  readonly #keys = new Map<string, ModelKey>();
  #arrivals = 0;
  /** When the newest job came: who has its key since is not known at any moment before. */
  latest = 0;

  /** A refusal reads as `rejected` without its reason, which is the engine's own. */
  apply(operation: ModelOperation): Verdict | { readonly verdict: 'rejected' } {
    switch (operation.type) {
      case 'submit':
        this.latest = Math.max(this.latest, operation.job.createdAt);
        return this.#submit(operation.job);
      case 'advance':
        return this.#advance(operation);
      case 'stage':
        return { verdict: 'ok', count: this.#stage(operation) };
      case 'settle_delivery':
        return this.#settle(operation);
      case 'prune':
        return { verdict: 'ok', count: this.#prune(operation) };
    }
  }

  find(id: Id): ModelJob | undefined {
    return this.#jobs.get(id);
  }

  all(): readonly ModelJob[] {
    return [...this.#jobs.values()];
  }

  /** Legs of live jobs in one state. */
  work(state: NewWork['state']): readonly { readonly owner: ModelJob; readonly work: NewWork }[] {
    return this.all()
      .flatMap((owner) => [...owner.work.values()].map((work) => ({ owner, work })))
      .filter(({ work }) => work.state === state);
  }

  counts(): Record<string, number> {
    const jobs = this.all();
    return Object.fromEntries(
      JOB_STATES.map((state) => [state, jobs.filter((job) => job.state === state).length]),
    );
  }

  #submit(job: NewJob): Verdict | { readonly verdict: 'rejected' } {
    const key = this.#keys.get(job.idempotency.key);
    const isTaken = key !== undefined && (key.expiresAt === null || key.expiresAt > job.createdAt);
    const first = isTaken ? this.#jobs.get(key.holder) : undefined;
    if (isTaken && first !== undefined) {
      return {
        verdict: 'duplicate',
        jobId: key.holder,
        state: first.state,
        createdAt: first.job.createdAt,
        mismatch: key.fingerprint !== job.idempotency.fingerprint,
        expiresAt: key.expiresAt,
        windowMs: key.windowMs,
        attempts: first.end === null ? first.attempts : 0,
        racing: false,
      };
    }
    if (this.#jobs.has(job.id)) return { verdict: 'rejected' };
    this.#arrivals += 1;
    this.#jobs.set(job.id, {
      job,
      arrival: this.#arrivals,
      state: job.run.state,
      version: 1,
      wakeAt: job.wakeAt,
      end: null,
      work: new Map(job.work.map((work) => [work.leg, work])),
      attempts: job.armed.length,
      deliveries: [],
    });
    const { fingerprint, windowMs } = job.idempotency;
    this.#keys.set(job.idempotency.key, { holder: job.id, fingerprint, windowMs, expiresAt: null });
    return { verdict: 'ok' };
  }

  #advance(operation: AdvanceOperation): Verdict {
    const job = this.#jobs.get(operation.jobId);
    if (job === undefined || job.end !== null) return { verdict: 'gone' };
    if (job.version !== operation.version) return { verdict: 'stale' };
    job.version += 1;
    job.state = operation.run.state;
    job.wakeAt = operation.wakeAt;
    job.attempts += operation.armed.length;
    for (const leg of operation.removeWork) job.work.delete(leg);
    for (const work of operation.putWork) job.work.set(work.leg, work);
    for (const { id, nextAttemptAt } of operation.deliveries) {
      job.deliveries.push({ id, state: 'pending', attempts: 0, nextAttemptAt });
    }
    if (operation.end !== null) this.#end(job, operation.end);
    return { verdict: 'ok' };
  }

  #end(job: ModelJob, end: JobEnd): void {
    job.end = end;
    job.state = end.state;
    job.wakeAt = null;
    job.work.clear();
    const key = this.#keys.get(job.job.idempotency.key);
    if (key?.holder === job.job.id) key.expiresAt = end.at + key.windowMs;
  }

  #stage(operation: StageOperation): number {
    let staged = 0;
    for (const { jobId, leg } of operation.rows) {
      const job = this.#jobs.get(jobId);
      const work = job?.work.get(leg);
      if (job === undefined || work?.state !== 'delayed') continue;
      job.work.set(leg, { ...work, state: 'ready' });
      staged += 1;
    }
    return staged;
  }

  #settle(operation: SettleDeliveryOperation): Verdict {
    const deliveries = this.all().flatMap((job) => job.deliveries);
    const delivery = deliveries.find((candidate) => candidate.id === operation.deliveryId);
    if (delivery?.state !== 'pending') return { verdict: 'gone' };
    if (delivery.attempts + 1 !== operation.attempt) return { verdict: 'stale' };
    delivery.attempts += 1;
    delivery.state = operation.next.state;
    delivery.nextAttemptAt =
      operation.next.state === 'pending' ? operation.next.nextAttemptAt : null;
    return { verdict: 'ok' };
  }

  #prune({ now, jobsEndedBefore }: PruneOperation): number {
    let removed = 0;
    for (const { job, end, deliveries } of this.all()) {
      if (end === null || end.at >= jobsEndedBefore) continue;
      if (deliveries.some((delivery) => delivery.state === 'pending')) continue;
      const key = this.#keys.get(job.idempotency.key);
      const holdsKey = key?.holder === job.id;
      if (holdsKey && (key.expiresAt === null || key.expiresAt > now)) continue;
      this.#jobs.delete(job.id);
      if (holdsKey) this.#keys.delete(job.idempotency.key);
      removed += 1;
    }
    return removed;
  }
}
