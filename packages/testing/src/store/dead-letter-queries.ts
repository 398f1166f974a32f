import type { JobState } from '@ezthrottle/core/protocol';
import type {
  DeadDelivery,
  DeadJob,
  DeadLetterQuery,
  DeadLetterReads,
  DeliveryAttemptRecord,
  DeliveryRecord,
  Id,
} from '@ezthrottle/engine';
import type { JobTables } from './job-tables.ts';
import { compareTexts, firstDifference } from './sorted-list.ts';
import { type StoredDelivery, type StoredJob, summaryOf } from './stored-job.ts';

/** What died, by the moment at which it did. */
export class DeadLetterQueries implements DeadLetterReads {
  readonly #tables: JobTables;

  constructor(tables: JobTables) {
    this.#tables = tables;
  }

  async jobs(query: DeadLetterQuery): Promise<readonly DeadJob[]> {
    const dead = this.#tables.ended.values().flatMap((stored) => deadJobOf(stored) ?? []);
    return pageOf(query, dead, ({ endedAt }) => endedAt);
  }

  async job(organization: Id, id: Id): Promise<DeadJob | null> {
    const stored = this.#tables.byId.get(id);
    return stored?.job.organization === organization ? deadJobOf(stored) : null;
  }

  async jobState(organization: Id, id: Id): Promise<JobState | null> {
    const stored = this.#tables.byId.get(id);
    return stored?.job.organization === organization ? stored.state : null;
  }

  async deliveries(query: DeadLetterQuery): Promise<readonly DeadDelivery[]> {
    const dead = [...this.#tables.deliveries.values()].flatMap(
      (stored) => deadDeliveryOf(stored) ?? [],
    );
    return pageOf(query, dead, ({ diedAt }) => diedAt);
  }

  async delivery(organization: Id, id: Id): Promise<DeliveryRecord | null> {
    return this.#find(organization, id)?.record ?? null;
  }

  async deliveryAttempts(organization: Id, id: Id): Promise<readonly DeliveryAttemptRecord[]> {
    return this.#find(organization, id)?.attempts ?? [];
  }

  #find(organization: Id, id: Id): StoredDelivery | null {
    const stored = this.#tables.deliveries.get(id);
    if (stored?.record.organization !== organization) return null;
    const { state, replayed } = stored.record;
    return state === 'delivered' && replayed === undefined ? null : stored;
  }
}

function deadJobOf(stored: StoredJob): DeadJob | null {
  const { job, state, end } = stored;
  if (end === null || (state !== 'failed' && state !== 'deadletter')) return null;
  const { endedAt: _, ...summary } = summaryOf(stored);
  return {
    ...summary,
    organization: job.organization,
    apiKey: job.apiKey,
    userId: job.spec.userId,
    state,
    error: end.error,
    redriveOf: job.spec.redriveOf ?? null,
    endedAt: end.at,
  };
}

function deadDeliveryOf({ record, owner, attempts }: StoredDelivery): DeadDelivery | null {
  if (record.state !== 'dead') return null;
  const { userId, tags } = owner.job.spec;
  return { ...record, diedAt: attempts.at(-1)?.endedAt ?? record.createdAt, userId, tags };
}

function pageOf<Dead extends { readonly id: Id; readonly organization: Id }>(
  { organization, endedFrom, endedBefore, order, after, limit }: DeadLetterQuery,
  dead: readonly Dead[],
  atOf: (each: Dead) => number,
): readonly Dead[] {
  const sign = order === 'oldest' ? 1 : -1;
  const compare = (at: number, id: Id, otherAt: number, otherId: Id): number =>
    sign * firstDifference(at - otherAt, compareTexts(id, otherId));
  return dead
    .filter((each) => {
      const at = atOf(each);
      return (
        each.organization === organization &&
        (endedFrom === null || at >= endedFrom) &&
        (endedBefore === null || at < endedBefore) &&
        (after === null || compare(at, each.id, after.at, after.id) > 0)
      );
    })
    .toSorted((one, other) => compare(atOf(one), one.id, atOf(other), other.id))
    .slice(0, limit);
}
