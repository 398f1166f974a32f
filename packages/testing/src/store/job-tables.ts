import {
  type EndpointRecord,
  type HeldKey,
  type Id,
  type IdempotencyClaim,
  isRacing,
  type NewWork,
} from '@ezthrottle/engine';
import { compareTexts, firstDifference, SortedList } from './sorted-list.ts';
import { lineKey, type StoredDelivery, type StoredJob, type StoredWork } from './stored-job.ts';

/** Who holds an idempotency key. */
export interface KeyHolder {
  readonly owner: StoredJob;
  /** Null while its job is live. */
  expiresAt: number | null;
}

const byArrival = (one: StoredJob, other: StoredJob): number => one.arrival - other.arrival;

/** Jobs and what hangs on them, with an order for every question that is asked of them. */
export class JobTables {
  readonly byId: Map<Id, StoredJob> = new Map();
  readonly keys: Map<string, KeyHolder> = new Map();
  readonly childrenOf: Map<Id, StoredJob[]> = new Map();
  readonly deliveries: Map<Id, StoredDelivery> = new Map();
  readonly endpoints: Map<string, EndpointRecord> = new Map();
  /** The newest first. */
  readonly newest: SortedList<StoredJob> = new SortedList((one, other) =>
    firstDifference(
      other.job.createdAt - one.job.createdAt,
      compareTexts(other.job.id, one.job.id),
    ),
  );
  /** The one that ended longest ago first. */
  readonly ended: SortedList<StoredJob> = new SortedList((one, other) =>
    firstDifference((one.end?.at ?? 0) - (other.end?.at ?? 0), byArrival(one, other)),
  );
  readonly wakes: SortedList<StoredJob> = new SortedList((one, other) =>
    firstDifference((one.wakeAt ?? 0) - (other.wakeAt ?? 0), byArrival(one, other)),
  );
  readonly delayed: SortedList<StoredWork> = new SortedList((one, other) =>
    firstDifference(one.work.readyAt - other.work.readyAt, compareWork(one, other)),
  );
  readonly armed: SortedList<StoredWork> = new SortedList(compareWork);
  readonly pending: SortedList<StoredDelivery> = new SortedList((one, other) =>
    firstDifference(
      (one.record.nextAttemptAt ?? 0) - (other.record.nextAttemptAt ?? 0),
      compareTexts(one.record.id, other.record.id),
    ),
  );
  readonly lines: Map<string, SortedList<StoredWork>> = new Map();
  #arrivals = 0;

  nextArrival(): number {
    this.#arrivals += 1;
    return this.#arrivals;
  }

  insert(stored: StoredJob): void {
    const { job } = stored;
    this.byId.set(job.id, stored);
    this.newest.add(stored);
    if (stored.wakeAt !== null) this.wakes.add(stored);
    for (const work of job.work) this.putWork(stored, work);
    if (job.parent === null) return;
    const siblings = this.childrenOf.get(job.parent.id) ?? [];
    this.childrenOf.set(job.parent.id, [...siblings, stored]);
  }

  remove(stored: StoredJob): void {
    const { job } = stored;
    this.byId.delete(job.id);
    this.newest.delete(stored);
    this.ended.delete(stored);
    const key = keyOf(job.organization, job.idempotency);
    if (this.keys.get(key)?.owner === stored) this.keys.delete(key);
    for (const { record } of stored.deliveries) this.deliveries.delete(record.id);
    if (job.parent === null) return;
    const siblings = this.childrenOf.get(job.parent.id) ?? [];
    this.childrenOf.set(
      job.parent.id,
      siblings.filter((sibling) => sibling !== stored),
    );
  }

  setWake(stored: StoredJob, at: number | null): void {
    if (stored.wakeAt !== null) this.wakes.delete(stored);
    stored.wakeAt = at;
    if (at !== null) this.wakes.add(stored);
  }

  putWork(owner: StoredJob, work: NewWork): void {
    this.removeWork(owner, work.leg);
    owner.work.set(work.leg, work);
    this.#listOf(owner, work).add({ owner, work });
  }

  removeWork(owner: StoredJob, leg: number): void {
    const work = owner.work.get(leg);
    if (work === undefined) return;
    owner.work.delete(leg);
    this.#listOf(owner, work).delete({ owner, work });
    const line = lineOf(owner, work);
    if (this.lines.get(line)?.size === 0) this.lines.delete(line);
  }

  putDelivery(delivery: StoredDelivery): void {
    this.deliveries.set(delivery.record.id, delivery);
    if (delivery.record.nextAttemptAt !== null) this.pending.add(delivery);
  }

  #listOf(owner: StoredJob, work: NewWork): SortedList<StoredWork> {
    if (work.state === 'delayed') return this.delayed;
    if (work.state === 'armed') return this.armed;
    const key = lineOf(owner, work);
    const line = this.lines.get(key) ?? new SortedList<StoredWork>(compareInLine);
    this.lines.set(key, line);
    return line;
  }
}

/** Names an endpoint among all organizations. */
export function endpointKey(organization: Id, endpointId: string): string {
  return `${organization} ${endpointId}`;
}

/** Names an idempotency key among all organizations and scopes. */
export function keyOf(organization: Id, { scope, key }: IdempotencyClaim): string {
  return JSON.stringify([organization, scope, key]);
}

/** Who holds a key; null when nobody does, or its window is over at this moment. */
export function heldKey(
  tables: JobTables,
  organization: Id,
  claim: IdempotencyClaim,
  now: number,
): HeldKey | null {
  const holder = tables.keys.get(keyOf(organization, claim));
  if (holder === undefined) return null;
  const { owner, expiresAt } = holder;
  if (expiresAt !== null && expiresAt <= now) return null;
  return {
    verdict: 'duplicate',
    jobId: owner.job.id,
    state: owner.state,
    createdAt: owner.job.createdAt,
    mismatch: owner.job.idempotency.fingerprint !== claim.fingerprint,
    expiresAt,
    windowMs: owner.job.idempotency.windowMs,
    attempts: owner.end === null ? owner.attempts.size : 0,
    racing: isRacing(owner.job.spec),
  };
}

function lineOf({ job }: StoredJob, { origin }: NewWork): string {
  const { organization, apiKey, spec } = job;
  return lineKey({ organization, apiKey, userId: spec.userId, origin });
}

function compareWork(one: StoredWork, other: StoredWork): number {
  return firstDifference(byArrival(one.owner, other.owner), one.work.leg - other.work.leg);
}

function compareInLine(one: StoredWork, other: StoredWork): number {
  return firstDifference(one.work.rank - other.work.rank, compareWork(one, other));
}
