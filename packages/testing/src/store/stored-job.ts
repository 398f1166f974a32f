import type { JobState } from '@ezthrottle/core/protocol';
import {
  type ArmedAttempt,
  type AttemptRecord,
  attemptStart,
  type DeliveryAttemptRecord,
  type DeliveryRecord,
  type EndedAttempt,
  type Id,
  isRacing,
  type JobEnd,
  type JobRecord,
  type JobSummary,
  type LiveJob,
  type NewJob,
  type NewWork,
  type RunState,
} from '@ezthrottle/engine';

/** Everything about one job. Only the store's writes change it. */
export interface StoredJob {
  /** As it came, but for what is not kept any more. */
  job: NewJob;
  /** Order of arrival. */
  readonly arrival: number;
  run: RunState;
  state: JobState;
  version: number;
  wakeAt: number | null;
  startedAt: number | null;
  end: JobEnd | null;
  readonly work: Map<number, NewWork>;
  readonly attempts: Map<number, StoredAttempt>;
  readonly deliveries: StoredDelivery[];
  quorumReachedAt: number | null;
  keyWindowMs: number;
}

export interface StoredAttempt {
  readonly armed: ArmedAttempt;
  ended: EndedAttempt | null;
}

/** A delivery and the job that it is about. */
export interface StoredDelivery {
  readonly owner: StoredJob;
  record: DeliveryRecord;
  readonly attempts: DeliveryAttemptRecord[];
}

export function newStoredJob(job: NewJob, arrival: number): StoredJob {
  return {
    job,
    arrival,
    run: job.run,
    state: job.run.state,
    version: 1,
    wakeAt: job.wakeAt,
    startedAt: startOf(job.run),
    end: null,
    work: new Map(),
    attempts: new Map(job.armed.map((armed) => [armed.attempt, { armed, ended: null }])),
    deliveries: [],
    quorumReachedAt: null,
    keyWindowMs: job.idempotency.windowMs,
  };
}

/** When the first attempt went out, as far as the run knows. */
export function startOf(run: RunState): number | null {
  const starts = run.paths.flatMap((path) =>
    path.state === 'idle' || path.startedAt === null ? [] : [path.startedAt],
  );
  return starts.length === 0 ? null : Math.min(...starts);
}

export function liveJobOf({ job, run, version, wakeAt }: StoredJob): LiveJob {
  const { id, organization, apiKey, spec, idempotency, parent, createdAt } = job;
  const idempotentKey = idempotency.key;
  return { id, organization, apiKey, spec, run, version, wakeAt, idempotentKey, parent, createdAt };
}

export function jobRecordOf({ job, ...stored }: StoredJob): JobRecord {
  const { state, startedAt, end, quorumReachedAt, keyWindowMs } = stored;
  const { id, organization, spec, createdAt, parent, idempotency } = job;
  const idempotentKey = idempotency.key;
  return {
    id,
    organization,
    idempotentKey,
    spec,
    state,
    createdAt,
    startedAt,
    end,
    parent,
    quorumReachedAt,
    keyWindowMs,
  };
}

export function summaryOf({ job, state, end }: StoredJob): JobSummary {
  const [call] = job.spec.paths;
  return {
    id: job.id,
    idempotentKey: job.idempotency.key,
    url: call.url,
    method: call.method,
    tags: job.spec.tags,
    state,
    racing: isRacing(job.spec),
    createdAt: job.createdAt,
    endedAt: end?.at ?? null,
  };
}

export function attemptRecordOf({ armed, ended }: StoredAttempt): AttemptRecord {
  const { token: _, ...shown } = armed;
  return {
    ...shown,
    outcome: ended?.outcome ?? null,
    statusCode: ended?.statusCode ?? null,
    error: ended?.error ?? null,
    startedAt: ended === null ? null : attemptStart(armed, ended),
    endedAt: ended?.endedAt ?? null,
    ...(ended?.retryAt !== undefined && { retryAt: ended.retryAt }),
  };
}

/** A row of work and the job whose leg it is. */
export interface StoredWork {
  readonly owner: StoredJob;
  readonly work: NewWork;
}

/** Names the line that a job's work of one origin stands in. */
export function lineKey(line: {
  readonly organization: Id;
  readonly apiKey: Id;
  readonly userId: string;
  readonly origin: string;
}): string {
  return JSON.stringify([line.organization, line.apiKey, line.userId, line.origin]);
}
