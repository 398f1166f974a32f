import type { Clock, Id, JobPlace, Operation, PrivacyReads, Verdict } from '@ezthrottle/engine';
import type { JobGate } from '../dispatch/job-gate.ts';
import { type Commit, commitOrThrow } from '../tenancy/committing.ts';
import { createPeriodic } from '../upkeep/periodic.ts';
import type { Service } from '../upkeep/service.ts';

/** A deletion that was asked for. Moments are milliseconds since the epoch. */
export interface AccountDeletion {
  readonly organization: Id;
  readonly userId: string;
  readonly requestedAt: number;
  /** Null: it is under way. */
  readonly finishedAt: number | null;
  /** Jobs that were removed. */
  readonly removed: number;
  /** How far the walk has come. */
  readonly after: JobPlace | null;
  /** Whether newer jobs of the account were seen: then its name is still needed. */
  readonly isInUse: boolean;
}

export interface AccountDeletions extends Service {
  /** Reads those that were not finished. To be called before anything else. */
  load(): Promise<void>;
  /** Begins one, or goes on with the one that is under way. After the end it begins again. */
  request(organization: Id, userId: string, by?: Commit): Promise<AccountDeletion>;
  find(organization: Id, userId: string): AccountDeletion | null;
  /**
   * Does what makes a new job out of one of an account; null, and nothing is done, when the old one is to be
   * deleted. A deletion that is asked for meanwhile begins when it is through, and finds what it has made.
   *
   * @param createdAt Of the old job, in milliseconds since the epoch.
   */
  unlessDeleted<T>(
    of: { readonly organization: Id; readonly userId: string; readonly createdAt: number },
    act: () => Promise<T>,
  ): Promise<T | null>;
  /** Whether such an old job is to be deleted. */
  isDeleted(of: {
    readonly organization: Id;
    readonly userId: string;
    readonly createdAt: number;
  }): boolean;
  /** One round of everything that is under way. */
  runOnce(): Promise<void>;
}

export interface AccountDeletionsOptions {
  readonly reads: Pick<PrivacyReads, 'documents' | 'ofAccount'>;
  readonly commit: (operation: Operation) => Promise<Verdict>;
  readonly gate: Pick<JobGate, 'cancel'>;
  readonly clock: Clock;
  /** Between rounds, in milliseconds. Default 200. */
  readonly everyMs?: number;
  /** Jobs, of whomever, that one step looks at. Default 500. */
  readonly stepRows?: number;
  /** Steps of one deletion in a round. Default 10. */
  readonly maxSteps?: number;
  /** Forgets what is kept of an account elsewhere than in jobs. Default: nothing is. */
  readonly forgetElsewhere?: ((organization: Id, userId: string) => Promise<void>) | undefined;
  /** Whether this node does the work. Default: always. */
  readonly isOurs?: (() => boolean) | undefined;
  readonly logger: { error(details: object, message: string): void };
}

const KIND = 'account-deletion';

/**
 * Deletes what is stored of accounts, a few rows at a time: live jobs are cancelled, then all are removed
 * with their attempts, deliveries and keys. How far each has come is written down, so that a restart goes on.
 */
export function createAccountDeletions(options: AccountDeletionsOptions): AccountDeletions {
  const { reads, commit, gate, clock, logger } = options;
  const { everyMs = 200, stepRows = 500, maxSteps = 10 } = options;
  const known = new Map<string, AccountDeletion>();
  /** Asked for, but not begun: since when, by name. */
  const asked = new Map<string, number>();
  /** What makes jobs out of others at this moment, by name. */
  const copying = new Map<string, Set<Promise<unknown>>>();

  async function put(deletion: AccountDeletion, by: Commit = commit): Promise<AccountDeletion> {
    const { organization, userId: name } = deletion;
    const data = JSON.stringify(deletion);
    await commitOrThrow(by, { type: 'put_document', organization, kind: KIND, name, data });
    known.set(nameOf(organization, name), deletion);
    return deletion;
  }

  async function step(deletion: AccountDeletion): Promise<AccountDeletion> {
    const { organization, userId, after, requestedAt } = deletion;
    const stretch = await reads.ofAccount({ organization, userId, after, limit: stepRows });
    const old = stretch.jobs.filter(({ createdAt }) => createdAt <= requestedAt);
    for (const { id, isLive } of old) if (isLive) await gate.cancel(organization, id);
    const jobIds = old.map(({ id }) => id);
    const verdict =
      jobIds.length === 0
        ? null
        : await commit({ type: 'remove_jobs', organization, jobIds, unlessNeededAt: null });
    const count = verdict?.verdict === 'ok' ? (verdict.count ?? 0) : 0;
    const removed = deletion.removed + count;
    // One that could not be cancelled yet is tried again: the walk stays where it is.
    if (count < jobIds.length) return put({ ...deletion, removed });
    const isInUse = deletion.isInUse || old.length < stretch.jobs.length;
    if (stretch.next !== null) return put({ ...deletion, removed, isInUse, after: stretch.next });
    await options.forgetElsewhere?.(organization, userId);
    if (!isInUse) {
      const forgotten = await commit({ type: 'forget_account', organization, userId });
      // Something is in the way: it is tried again in the next round.
      if (forgotten.verdict === 'stale') return put({ ...deletion, removed });
    }
    return put({ ...deletion, removed, isInUse, finishedAt: clock.now() });
  }

  function isDeleted({
    organization,
    userId,
    createdAt,
  }: Parameters<AccountDeletions['isDeleted']>[0]): boolean {
    // Nobody is no account.
    if (userId === '') return false;
    const name = nameOf(organization, userId);
    const requestedAt = asked.get(name) ?? known.get(name)?.requestedAt ?? null;
    return requestedAt !== null && createdAt <= requestedAt;
  }

  async function runOnce(): Promise<void> {
    for (const deletion of known.values()) {
      const { finishedAt } = deletion;
      if (finishedAt !== null) {
        if (finishedAt + SHOWN_MS < clock.now()) await forget(deletion);
        continue;
      }
      let current = deletion;
      for (let steps = 0; steps < maxSteps && current.finishedAt === null; steps += 1) {
        const { after, removed } = current;
        current = await step(current);
        // Nothing went on: others have their turn before it is tried again.
        if (current.after === after && current.removed === removed) break;
      }
    }
  }

  /** That somebody was deleted is a trace of him as well. */
  async function forget(deletion: AccountDeletion): Promise<void> {
    const { organization, userId: name } = deletion;
    await commitOrThrow(commit, {
      type: 'put_document',
      organization,
      kind: KIND,
      name,
      data: null,
    });
    known.delete(nameOf(organization, name));
  }

  const periodic = createPeriodic({
    name: 'account deletions',
    clock,
    everyMs,
    isOurs: options.isOurs,
    round: runOnce,
    onError: (error) =>
      logger.error(
        { event: 'account_deletion_failed', err: error },
        'an account could not be deleted',
      ),
  });
  return {
    name: periodic.name,
    start: () => periodic.start(),
    stop: () => periodic.stop(),
    runOnce,
    async load() {
      const documents = await reads.documents();
      known.clear();
      for (const { organization, kind, name, data } of documents) {
        if (kind === KIND) known.set(nameOf(organization, name), JSON.parse(data));
      }
    },
    async request(organization, userId, by) {
      const before = known.get(nameOf(organization, userId));
      if (before !== undefined && before.finishedAt === null) return before;
      const name = nameOf(organization, userId);
      const requestedAt = clock.now();
      asked.set(name, requestedAt);
      try {
        await Promise.allSettled(copying.get(name) ?? new Set<Promise<unknown>>());
        const none = { finishedAt: null, removed: 0, after: null, isInUse: false };
        return await put({ organization, userId, requestedAt, ...none }, by);
      } finally {
        if (asked.get(name) === requestedAt) asked.delete(name);
      }
    },
    isDeleted,
    async unlessDeleted(of, act) {
      const { organization, userId } = of;
      if (isDeleted(of)) return null;
      if (userId === '') return await act();
      const name = nameOf(organization, userId);
      const acts = copying.get(name) ?? new Set();
      copying.set(name, acts);
      const done = act();
      acts.add(done);
      try {
        return await done;
      } finally {
        acts.delete(done);
        if (acts.size === 0) copying.delete(name);
      }
    },
    find: (organization, userId) => known.get(nameOf(organization, userId)) ?? null,
  };
}

/** How long a deletion that is over is still shown, in milliseconds. */
const SHOWN_MS = 30 * 86_400_000;

function nameOf(organization: Id, userId: string): string {
  return `${organization} ${userId}`;
}
