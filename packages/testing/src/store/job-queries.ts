import { noJobs } from '@ezthrottle/engine';
import type { JobState } from '@ezthrottle/core/protocol';
import type {
  AccountJobs,
  AttemptRecord,
  DeliveryRecord,
  HeldKey,
  Id,
  IdempotencyClaim,
  JobListQuery,
  JobReads,
  JobRecord,
  JobSummary,
  LiveJob,
  ResultResponse,
} from '@ezthrottle/engine';
import { heldKey, type JobTables } from './job-tables.ts';
import {
  attemptRecordOf,
  jobRecordOf,
  liveJobOf,
  type StoredJob,
  summaryOf,
} from './stored-job.ts';

/** Reads about jobs. */
export class JobQueries implements JobReads {
  readonly #tables: JobTables;

  constructor(tables: JobTables) {
    this.#tables = tables;
  }

  async get(organization: Id, id: Id): Promise<JobRecord | null> {
    const stored = this.#tables.byId.get(id);
    return stored?.job.organization === organization ? jobRecordOf(stored) : null;
  }

  /** Of whichever organization, at once, for the rules. */
  record(id: Id): JobRecord | null {
    const stored = this.#tables.byId.get(id);
    return stored === undefined ? null : jobRecordOf(stored);
  }

  async live(ids: readonly Id[]): Promise<readonly LiveJob[]> {
    return ids.flatMap((id) => this.liveOne(id) ?? []);
  }

  /** At once, for the rules. */
  liveOne(id: Id): LiveJob | null {
    const stored = this.#tables.byId.get(id);
    return stored === undefined || stored.end !== null ? null : liveJobOf(stored);
  }

  async holder(organization: Id, claim: IdempotencyClaim, now: number): Promise<HeldKey | null> {
    return heldKey(this.#tables, organization, claim, now);
  }

  async list(query: JobListQuery): Promise<readonly JobSummary[]> {
    const { before } = query;
    const found: JobSummary[] = [];
    for (const stored of this.#tables.newest.values()) {
      if (found.length >= query.limit) break;
      if (before !== null && !isBefore(stored, before)) continue;
      if (matches(stored, query)) found.push(summaryOf(stored));
    }
    return found;
  }

  async attempts(id: Id): Promise<readonly AttemptRecord[]> {
    return this.attemptsOf(id);
  }

  /** At once, for the rules. */
  attemptsOf(id: Id): readonly AttemptRecord[] {
    const attempts = [...(this.#tables.byId.get(id)?.attempts.values() ?? [])];
    return attempts
      .toSorted((one, other) => one.armed.attempt - other.armed.attempt)
      .map(attemptRecordOf);
  }

  async responses(id: Id, attempts: readonly number[]): Promise<readonly ResultResponse[]> {
    return this.responsesOf(id, attempts);
  }

  responsesOf(id: Id, attempts: readonly number[]): readonly ResultResponse[] {
    const stored = this.#tables.byId.get(id);
    return [...new Set(attempts)].flatMap((attempt) => {
      const { armed, ended } = stored?.attempts.get(attempt) ?? {};
      const response = ended?.response ?? null;
      return armed === undefined || response === null
        ? []
        : [{ attempt, region: armed.region, response }];
    });
  }

  async deliveries(id: Id): Promise<readonly DeliveryRecord[]> {
    return this.#tables.byId.get(id)?.deliveries.map(({ record }) => record) ?? [];
  }

  async children(id: Id): Promise<readonly { readonly id: Id; readonly edge: string }[]> {
    const children = this.#tables.childrenOf.get(id) ?? [];
    return children.map(({ job }) => ({ id: job.id, edge: job.parent?.edge ?? '' }));
  }

  async liveByAccount(): Promise<readonly AccountJobs[]> {
    const accounts = new Map<string, AccountJobs>();
    for (const { job, end } of this.#tables.byId.values()) {
      if (end !== null) continue;
      const { organization, apiKey, spec } = job;
      const key = JSON.stringify([organization, apiKey, spec.userId]);
      const { jobs } = accounts.get(key) ?? { jobs: 0 };
      accounts.set(key, { organization, apiKey, userId: spec.userId, jobs: jobs + 1 });
    }
    return [...accounts.values()];
  }

  async counts(): Promise<Readonly<Record<JobState, number>>> {
    const counts = noJobs();
    for (const { state } of this.#tables.byId.values()) counts[state] += 1;
    return counts;
  }
}

function isBefore(
  { job }: StoredJob,
  { createdAt, id }: NonNullable<JobListQuery['before']>,
): boolean {
  return job.createdAt < createdAt || (job.createdAt === createdAt && job.id < id);
}

function matches({ job, state }: StoredJob, query: JobListQuery): boolean {
  const { organization, states, tag, idempotentKey } = query;
  return (
    job.organization === organization &&
    (states === null || states.includes(state)) &&
    (tag === null || job.spec.tags.includes(tag)) &&
    (idempotentKey === null || job.idempotency.key === idempotentKey)
  );
}
