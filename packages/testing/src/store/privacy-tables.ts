import {
  type AccountStretch,
  type DocumentRecord,
  type EndedStretch,
  erasedSpec,
  type Erasure,
  type PrivacyOperation,
  type PrivacyReads,
  type Verdict,
} from '@ezthrottle/engine';
import type { JobTables } from './job-tables.ts';
import type { StoredJob } from './stored-job.ts';
import type { TenancyTables } from './tenancy-tables.ts';

/** Documents of organizations, and what takes away of jobs what is not to be kept. */
export class PrivacyTables implements PrivacyReads {
  readonly #tables: JobTables;
  readonly #tenancy: Pick<TenancyTables, 'requireOrganization'>;
  readonly #documents: Map<string, DocumentRecord>;

  constructor(
    tables: JobTables,
    tenancy: Pick<TenancyTables, 'requireOrganization'>,
    earlier?: PrivacyTables,
  ) {
    this.#tables = tables;
    this.#tenancy = tenancy;
    this.#documents = earlier === undefined ? new Map() : earlier.#documents;
  }

  apply(operation: PrivacyOperation): Verdict {
    switch (operation.type) {
      case 'put_document': {
        const { organization, kind, name, data } = operation;
        this.#tenancy.requireOrganization(organization);
        const place = JSON.stringify([organization, kind, name]);
        if (data === null) this.#documents.delete(place);
        else this.#documents.set(place, { organization, kind, name, data });
        return { verdict: 'ok' };
      }
      case 'erase_jobs':
        return this.#eachEnded(operation, (stored) => erase(stored, operation.erasure));
      case 'remove_jobs':
        return this.#eachEnded(operation, (stored) => {
          if (isNeeded(stored, operation.unlessNeededAt)) return false;
          this.#tables.remove(stored);
          return true;
        });
      case 'forget_account':
        // Accounts are nowhere but in their jobs.
        return { verdict: 'ok', count: 0 };
    }
  }

  async documents(): Promise<readonly DocumentRecord[]> {
    return [...this.#documents.values()];
  }

  async ended(query: Parameters<PrivacyReads['ended']>[0]): Promise<EndedStretch> {
    const { organization, after, endedBefore, limit } = query;
    const behind = this.#tables.ended
      .values()
      .filter(({ end }) => end !== null && end.at < endedBefore)
      .filter((stored) => after === null || isBehind(stored, after));
    const stretch = behind.slice(0, limit);
    const last = stretch.at(-1);
    return {
      jobIds: stretch
        .filter(({ job }) => job.organization === organization)
        .map(({ job }) => job.id),
      last: last === undefined ? null : { at: last.end?.at ?? 0, row: last.arrival },
      isMore: stretch.length >= limit,
    };
  }

  async ofAccount(query: Parameters<PrivacyReads['ofAccount']>[0]): Promise<AccountStretch> {
    const { organization, userId, after, limit } = query;
    const stretch = [...this.#tables.byId.values()]
      .filter(({ arrival }) => after === null || arrival > after.row)
      .toSorted((one, other) => one.arrival - other.arrival)
      .slice(0, limit);
    const last = stretch.at(-1);
    return {
      jobs: stretch
        .filter(({ job }) => job.organization === organization && job.spec.userId === userId)
        .map(({ job, end }) => ({ id: job.id, isLive: end === null, createdAt: job.createdAt })),
      next:
        last === undefined || stretch.length < limit
          ? null
          : { at: last.job.createdAt, row: last.arrival },
    };
  }

  #eachEnded(
    { organization, jobIds }: Extract<PrivacyOperation, { type: 'remove_jobs' | 'erase_jobs' }>,
    change: (stored: StoredJob) => boolean,
  ): Verdict {
    const ended = jobIds.flatMap((id) => {
      const stored = this.#tables.byId.get(id);
      const isOwn = stored?.job.organization === organization && stored.end !== null;
      return isOwn ? [stored] : [];
    });
    const left = ended.filter((stored) => !change(stored)).map(({ job }) => job.id);
    return { verdict: 'ok', count: ended.length - left.length, left };
  }
}

function isBehind({ end, arrival }: StoredJob, after: { at: number; row: number }): boolean {
  const at = end?.at ?? 0;
  return at > after.at || (at === after.at && arrival > after.row);
}

/** False while a delivery needs it whole. */
function erase(stored: StoredJob, erasure: Erasure): boolean {
  if (stored.deliveries.some(({ record }) => record.state === 'pending')) return false;
  stored.job = { ...stored.job, spec: erasedSpec(stored.job.spec, erasure) };
  if (erasure.part === 'attempts') stored.attempts.clear();
  for (const attempt of stored.attempts.values()) {
    const response = attempt.ended?.response ?? null;
    if (attempt.ended === null || response === null) continue;
    if (erasure.part === 'headers') {
      attempt.ended = { ...attempt.ended, response: { ...response, headers: {} } };
    }
    if (erasure.part === 'bodies' && response.body !== '') {
      const empty = { ...response, body: '', bodyEncoding: 'utf8' as const, truncated: true };
      attempt.ended = { ...attempt.ended, response: empty };
    }
  }
  return true;
}

function isNeeded({ job, end, deliveries }: StoredJob, at: number | null): boolean {
  if (at === null) return false;
  if (deliveries.some(({ record }) => record.state === 'pending')) return true;
  return (end?.at ?? 0) + job.idempotency.windowMs > at;
}
