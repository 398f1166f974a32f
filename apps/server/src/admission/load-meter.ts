import { type Clock, drainedBy, type DrainRate, type Id, type NewJob } from '@ezthrottle/engine';

/** Whom a job is done for. */
export interface Account {
  readonly organization: Id;
  readonly apiKey: Id;
  readonly userId: string;
}

export function accountOf({
  organization,
  apiKey,
  spec,
}: Pick<NewJob, 'organization' | 'apiKey' | 'spec'>): Account {
  return { organization, apiKey, userId: spec.userId };
}

/** Unfinished jobs, and how many end per second of late. */
export interface Load {
  readonly jobs: number;
  readonly drainPerSecond: number;
}

/** Counts jobs as they come and end. */
export interface LoadMeter {
  /** One is on its way to the disk: it counts from here on. */
  taken(account: Account): void;
  /** It did not get there after all. */
  untaken(account: Account): void;
  ended(account: Account): void;
  /** Of everybody. Jobs that were there before are in it once they were `restored`. */
  readonly total: Load;
  /** Both are empty unless accounts are counted. */
  account(account: Account): Load;
  organization(organization: Id): Load;
  /** What was unfinished at the start. */
  restore(rows: readonly (Account & { readonly jobs: number })[]): void;
}

interface Tally {
  jobs: number;
  drain: DrainRate | null;
}

/**
 * @param options.countsAccounts Whether accounts and organizations are counted, too: each that has unfinished
 *   jobs takes some memory.
 */
export function createLoadMeter(options: {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly countsAccounts: boolean;
}): LoadMeter {
  const { clock, countsAccounts } = options;
  const total: Tally = { jobs: 0, drain: null };
  const tallies = new Map<string, Tally>();

  function change({ organization, apiKey, userId }: Account, jobs: number, drained = 0): void {
    count(total, jobs, drained);
    if (!countsAccounts) return;
    for (const key of [organization, accountKey(organization, apiKey, userId)]) {
      const tally = tallies.get(key) ?? { jobs: 0, drain: null };
      count(tally, jobs, drained);
      if (tally.jobs > 0) tallies.set(key, tally);
      else tallies.delete(key);
    }
  }

  function count(tally: Tally, jobs: number, drained: number): void {
    tally.jobs += jobs;
    if (drained > 0) tally.drain = drainedBy(tally.drain, drained, clock.monotonic());
  }

  function loadOf(tally: Tally | undefined): Load {
    if (tally === undefined) return { jobs: 0, drainPerSecond: 0 };
    const { jobs, drain } = tally;
    const drainPerSecond = drain === null ? 0 : drainedBy(drain, 0, clock.monotonic()).perSecond;
    return { jobs, drainPerSecond };
  }

  return {
    taken: (account) => change(account, 1),
    untaken: (account) => change(account, -1),
    ended: (account) => change(account, -1, 1),
    get total() {
      return loadOf(total);
    },
    account: ({ organization, apiKey, userId }) =>
      loadOf(tallies.get(accountKey(organization, apiKey, userId))),
    organization: (organization) => loadOf(tallies.get(organization)),
    restore(rows) {
      for (const row of rows) change(row, row.jobs);
    },
  };
}

function accountKey(organization: Id, apiKey: Id, userId: string): string {
  return `${organization} ${apiKey} ${userId}`;
}
