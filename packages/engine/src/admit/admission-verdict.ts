/** What a server has at this moment, as far as taking new jobs goes. */
export interface ServerLoad {
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
  /** The store with its log, in bytes. */
  readonly storeBytes: number;
  /** Unfinished jobs of everybody, and of the account that submits. */
  readonly backlog: number;
  readonly accountBacklog: number;
  /** The same of the account's organization. Default 0. */
  readonly organizationBacklog?: number;
  readonly organizationDrainPerSecond?: number;
  /** Jobs that have ended per second of late, of everybody and of that account; 0 when not known. */
  readonly drainPerSecond: number;
  readonly accountDrainPerSecond: number;
}

/** Bounds beyond which new jobs are refused; 0 and what is absent: none. */
export interface AdmissionBounds {
  readonly memoryBytes?: number;
  readonly storeBytes?: number;
  readonly backlog?: number;
  readonly organizationBacklog?: number;
  readonly accountBacklog?: number;
}

export type LimitReason = 'memory' | 'db_size' | 'backlog' | 'organization_backlog' | 'user_queue';

export type AdmissionVerdict =
  | { readonly verdict: 'accept' }
  | {
      readonly verdict: 'refuse';
      readonly reason: LimitReason;
      readonly limit: number;
      readonly current: number;
      /** Whole seconds, for `Retry-After`. */
      readonly retryAfterSeconds: number;
    };

export interface AdmissionOptions {
  /** Jobs that this submit brings. Default 1. */
  readonly jobs?: number;
  /** Wait where nothing says how long it takes until there is room, in seconds. Default 5. */
  readonly baseSeconds?: number;
  /** Longest wait that is named, in seconds. Default 60. */
  readonly maxSeconds?: number;
}

/** A refused client comes back when this share of the bound is free again, and not to be refused at once. */
const ROOM_SHARE = 0.01;

/**
 * Whether new jobs are taken: memory first, then the store, then the backlog of all, of the organization
 * and of the account.
 * The wait is how long it takes at the pace of late until there is room: for the jobs that ask, and
 * a hundredth of the bound. To be asked after duplicates were answered: those are no new load.
 */
export function admissionVerdict(
  load: ServerLoad,
  bounds: AdmissionBounds,
  options: AdmissionOptions = {},
): AdmissionVerdict {
  const jobs = options.jobs ?? 1;
  const { organizationBacklog = 0, accountBacklog } = load;
  const broken =
    exceeded('memory', load.memoryBytes, bounds.memoryBytes) ??
    exceeded('db_size', load.storeBytes, bounds.storeBytes) ??
    exceeded('backlog', load.backlog, bounds.backlog, jobs) ??
    exceeded('organization_backlog', organizationBacklog, bounds.organizationBacklog, jobs) ??
    exceeded('user_queue', accountBacklog, bounds.accountBacklog, jobs);
  if (broken === null) return ACCEPTED;
  const { reason, current, limit } = broken;
  const retryAfterSeconds = retryAfter(waitSeconds(broken, load), options);
  return { verdict: 'refuse', reason, limit, current, retryAfterSeconds };
}

const ACCEPTED: AdmissionVerdict = { verdict: 'accept' };

interface Excess {
  readonly reason: LimitReason;
  readonly current: number;
  readonly limit: number;
  readonly adds: number;
}

/** Null while there is room: every job is asked about, and hardly one is turned away. */
function exceeded(
  reason: LimitReason,
  current: number,
  limit: number | undefined = 0,
  adds = 0,
): Excess | null {
  return limit > 0 && current + adds > limit ? { reason, current, limit, adds } : null;
}

/** Seconds until there is room again; null where nothing tells. */
function waitSeconds({ reason, current, limit, adds }: Excess, load: ServerLoad): number | null {
  if (reason !== 'memory' && reason !== 'db_size') {
    const drain = drainOf(reason, load);
    if (drain <= 0) return null;
    return (current + adds - limit + limit * ROOM_SHARE) / drain;
  }
  if (load.drainPerSecond <= 0 || load.backlog <= 0 || current <= 0) return null;
  // Memory and store hold the backlog, as far as can be told from here: each job has its part of them.
  const perJob = current / load.backlog;
  return (current - limit + limit * ROOM_SHARE) / (perJob * load.drainPerSecond);
}

function drainOf(reason: Exclude<LimitReason, 'memory' | 'db_size'>, load: ServerLoad): number {
  switch (reason) {
    case 'backlog':
      return load.drainPerSecond;
    case 'organization_backlog':
      return load.organizationDrainPerSecond ?? 0;
    case 'user_queue':
      return load.accountDrainPerSecond;
  }
}

function retryAfter(seconds: number | null, options: AdmissionOptions): number {
  const { baseSeconds = 5, maxSeconds = 60 } = options;
  const wait = seconds === null || !Number.isFinite(seconds) ? baseSeconds : seconds;
  return Math.min(maxSeconds, Math.max(1, Math.ceil(wait)));
}

/** How many jobs end per second: fades over `DRAIN_MEMORY_MS`. Plain data. */
export interface DrainRate {
  readonly perSecond: number;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/** What a job's end counts for fades to a third within this time. */
const DRAIN_MEMORY_MS = 30_000;

/** The rate after so many jobs have ended since it was noted last. */
export function drainedBy(rate: DrainRate | null, jobs: number, now: number): DrainRate {
  if (rate === null) return { perSecond: (jobs * 1_000) / DRAIN_MEMORY_MS, at: now };
  const kept = Math.exp(-Math.max(0, now - rate.at) / DRAIN_MEMORY_MS);
  return { perSecond: rate.perSecond * kept + (jobs * 1_000) / DRAIN_MEMORY_MS, at: now };
}
