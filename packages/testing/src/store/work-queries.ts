import type {
  DeliveryReads,
  DeliveryRecord,
  DueDelivery,
  EndpointRecord,
  Id,
  PutPaceOperation,
  WorkLine,
  WorkReads,
  WorkRow,
} from '@ezthrottle/engine';
import { endpointKey, type JobTables } from './job-tables.ts';
import { lineKey, type StoredWork } from './stored-job.ts';

type PaceRow = PutPaceOperation['rows'][number];

/** Reads about legs in line, timers and paces. */
export class WorkQueries implements WorkReads {
  readonly #tables: JobTables;
  readonly #paces: ReadonlyMap<string, PaceRow>;

  constructor(tables: JobTables, paces: ReadonlyMap<string, PaceRow>) {
    this.#tables = tables;
    this.#paces = paces;
  }

  async lines(): Promise<readonly WorkLine[]> {
    return [...this.#tables.lines.values()].flatMap((line) => {
      if (line.first === undefined) return [];
      const { organization, apiKey, userId, origin } = workRow(line.first);
      return [{ organization, apiKey, userId, origin, ready: line.size }];
    });
  }

  async ready(
    line: Omit<WorkLine, 'ready'>,
    after: { readonly rank: number; readonly jobId: Id; readonly leg: number } | null,
    limit: number,
  ): Promise<readonly WorkRow[]> {
    const rows = this.#tables.lines.get(lineKey(line))?.values() ?? [];
    const arrival = after === null ? 0 : (this.#tables.byId.get(after.jobId)?.arrival ?? 0);
    const rest =
      after === null
        ? rows
        : rows.filter(({ owner, work }) => {
            if (work.rank !== after.rank) return work.rank > after.rank;
            if (owner.arrival !== arrival) return owner.arrival > arrival;
            return work.leg > after.leg;
          });
    return rest.slice(0, limit).map(workRow);
  }

  async due(now: number, limit: number): Promise<readonly WorkRow[]> {
    return this.dueRows(now, limit);
  }

  /** At once, for the rules. */
  dueRows(now: number, limit: number): readonly WorkRow[] {
    const isDue = ({ work }: StoredWork): boolean => work.readyAt <= now;
    return this.#tables.delayed.after(null, limit, isDue).map(workRow);
  }

  async nextDueAt(): Promise<number | null> {
    return this.nextReadyAt();
  }

  nextReadyAt(): number | null {
    return this.#tables.delayed.first?.work.readyAt ?? null;
  }

  async oldestReadyAt(): Promise<number | null> {
    const inLine = [...this.#tables.lines.values()].flatMap((line) => line.values());
    const first = inLine.reduce<StoredWork | null>((oldest, one) => {
      return oldest === null || one.owner.arrival < oldest.owner.arrival ? one : oldest;
    }, null);
    return first?.work.readyAt ?? null;
  }

  async armed(
    afterJobId: Id | null,
    limit: number,
  ): Promise<readonly { readonly jobId: Id; readonly leg: number }[]> {
    const arrival = afterJobId === null ? 0 : (this.#tables.byId.get(afterJobId)?.arrival ?? 0);
    const rows = this.#tables.armed.values().filter(({ owner }) => owner.arrival > arrival);
    const last = rows[limit - 1]?.owner;
    // The next page starts after this one's last job, so all of that job's legs belong to this page.
    const page =
      last === undefined ? rows : rows.filter(({ owner }) => owner.arrival <= last.arrival);
    return page.map(({ owner, work }) => ({ jobId: owner.job.id, leg: work.leg }));
  }

  async wakeable(now: number, limit: number): Promise<readonly Id[]> {
    return this.wakeableJobs(now, limit);
  }

  wakeableJobs(now: number, limit: number): readonly Id[] {
    return this.#tables.wakes
      .after(null, limit, ({ wakeAt }) => wakeAt !== null && wakeAt <= now)
      .map(({ job }) => job.id);
  }

  async nextWakeAt(): Promise<number | null> {
    return this.nextTimerAt();
  }

  nextTimerAt(): number | null {
    return this.#tables.wakes.first?.wakeAt ?? null;
  }

  async pace(limit: number): Promise<readonly PaceRow[]> {
    return [...this.#paces.values()].slice(0, limit);
  }

  async paceOf(organization: Id, origin: string): Promise<string | null> {
    const rows = [...this.#paces.values()];
    const found = rows.find((row) => row.organization === organization && row.origin === origin);
    return found?.data ?? null;
  }
}

/** Reads about deliveries. */
export class DeliveryQueries implements DeliveryReads {
  readonly #tables: JobTables;

  constructor(tables: JobTables) {
    this.#tables = tables;
  }

  async due(
    now: number,
    limit: number,
    after: DueDelivery | null = null,
  ): Promise<readonly DeliveryRecord[]> {
    if (after === null) {
      const found = this.#tables.pending.after(null, limit, ({ record }) => isDue(record, now));
      return found.map(({ record }) => record);
    }
    return this.#tables.pending
      .values()
      .map(({ record }) => record)
      .filter((record) => isDue(record, now) && comesAfter(record, after))
      .slice(0, limit);
  }

  async nextDueAt(after: number = Number.NEGATIVE_INFINITY): Promise<number | null> {
    const next = this.nextOf(({ nextAttemptAt }) => (nextAttemptAt ?? after) > after);
    return next?.nextAttemptAt ?? null;
  }

  async endpoints(
    organization: Id,
    limit: number,
    endpointId: string | null = null,
  ): Promise<readonly EndpointRecord[]> {
    return [...this.#tables.endpoints.values()]
      .filter((endpoint) => endpoint.organization === organization)
      .filter((endpoint) => endpointId === null || endpoint.endpointId === endpointId)
      .toSorted((one, other) => (other.disabled?.at ?? -1) - (one.disabled?.at ?? -1))
      .slice(0, limit);
  }

  async disabledEndpoints(limit: number): Promise<readonly EndpointRecord[]> {
    const all = [...this.#tables.endpoints.values()];
    return all.filter(({ disabled }) => disabled !== null).slice(0, limit);
  }

  /** At once, for the rules. */
  isDisabled({ organization, endpointId }: DeliveryRecord): boolean {
    const known = this.#tables.endpoints.get(endpointKey(organization, endpointId));
    return known !== undefined && known.disabled !== null;
  }

  /** The pending delivery of this kind that is due first, at once, for the rules. */
  nextOf(isWanted: (record: DeliveryRecord) => boolean): DeliveryRecord | null {
    const next = this.#tables.pending.values().find(({ record }) => isWanted(record));
    return next?.record ?? null;
  }
}

function workRow({ owner, work }: StoredWork): WorkRow {
  const { id: jobId, organization, apiKey, spec } = owner.job;
  const { leg, origin, rank, readyAt } = work;
  return { jobId, leg, organization, apiKey, userId: spec.userId, origin, rank, readyAt };
}

function isDue({ nextAttemptAt }: DeliveryRecord, now: number): boolean {
  return nextAttemptAt !== null && nextAttemptAt <= now;
}

function comesAfter(record: DeliveryRecord, after: DueDelivery): boolean {
  const at = record.nextAttemptAt ?? 0;
  return at > after.nextAttemptAt || (at === after.nextAttemptAt && record.id > after.id);
}
