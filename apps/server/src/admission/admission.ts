import {
  type AdmissionBounds,
  type AdmissionVerdict,
  admissionVerdict,
  type Clock,
  type ServerLoad,
} from '@ezthrottle/engine';
import { ApiError } from '../api/api-error.ts';
import type { Account, LoadMeter } from './load-meter.ts';

/** Bounds beyond which new jobs are turned away; 0: none. */
export interface AdmissionLimits {
  readonly memoryMb: number;
  readonly storeBytes: number;
  /** Unfinished jobs of everybody, of an organization, of an account. */
  readonly backlog: number;
  readonly organizationBacklog: number;
  readonly accountBacklog: number;
}

export interface AdmissionOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly meter: Pick<LoadMeter, 'total' | 'account' | 'organization'>;
  /** Unfinished jobs of everybody; may be up to a second old. */
  readonly backlog: () => Promise<number>;
  readonly residentBytes: () => number;
  readonly storeBytes: () => Promise<number>;
  readonly limits: AdmissionLimits;
  readonly maxBodyBytes: number;
  /** Told of each refusal. Absent: nobody wants to know. */
  readonly onRefused?: ((reason: string) => void) | undefined;
  /**
   * Seconds asked for by the first refusal where nothing tells how long it takes until there is room; each
   * further one in a row doubles it.
   */
  readonly retryAfterSeconds: number;
}

/** Turns new jobs away while the server has more than it can hold. */
export interface Admission {
  /** Whether there is room for so many, whosoever they are: a look, which lengthens nobody's wait. */
  hasRoom(jobs: number): Promise<boolean>;
  /** Why so many new jobs are turned away, whosoever they are; null: there is room. */
  refusal(jobs: number): Promise<ApiError | null>;
  /** The same for so many of one account, given that there is room for anybody's. */
  refusalOf(account: Account, jobs: number): ApiError | null;
  /** What there is room for of several jobs that come together: they are refused once, not each by itself. */
  room(): Promise<Room>;
  /** A job was accepted: refusals start again with the shortest wait. */
  accepted(): void;
  report(): Promise<Readonly<Record<string, number | boolean>>>;
}

/** Room as of one moment; what it says of accounts holds for as long as nothing is awaited. */
export interface Room {
  /** Whether all of them fit; of one organization. */
  hasFor(accounts: readonly Account[]): boolean;
  /** Why each is turned away, in its place; null: there is room for it, and it has taken that. */
  refusals(accounts: readonly Account[]): readonly (ApiError | null)[];
}

type EverybodysLoad = Pick<ServerLoad, 'memoryBytes' | 'storeBytes' | 'backlog' | 'drainPerSecond'>;
type AccountsLoad = Required<
  Pick<
    ServerLoad,
    | 'organizationBacklog'
    | 'organizationDrainPerSecond'
    | 'accountBacklog'
    | 'accountDrainPerSecond'
  >
>;

const BYTES_PER_MB = 1_048_576;
const SAMPLE_MS = 250;
const LONGEST_WAIT_SECONDS = 60;

export function createAdmission(options: AdmissionOptions): Admission {
  const { clock, meter, limits, retryAfterSeconds } = options;
  let waitSeconds = retryAfterSeconds;
  const memoryBytes = sampled(clock, async () => options.residentBytes());
  const storeBytes = sampled(clock, options.storeBytes);

  function verdictOf(
    load: Partial<ServerLoad>,
    bounds: AdmissionBounds,
    jobs: number,
  ): AdmissionVerdict {
    return admissionVerdict({ ...NO_LOAD, ...load }, bounds, {
      jobs,
      baseSeconds: waitSeconds,
      maxSeconds: LONGEST_WAIT_SECONDS,
    });
  }

  function errorOf(verdict: AdmissionVerdict): ApiError | null {
    if (verdict.verdict === 'accept') return null;
    waitSeconds = Math.min(LONGEST_WAIT_SECONDS, waitSeconds * 2);
    const { reason, retryAfterSeconds: retryAfter } = verdict;
    options.onRefused?.(reason);
    const unit = reason === 'memory' ? BYTES_PER_MB : 1;
    const [current, limit] = [Math.ceil(verdict.current / unit), Math.floor(verdict.limit / unit)];
    return new ApiError(
      'rate_limited',
      `no room for new jobs: ${reason} at ${current} exceeds limit ${limit}`,
      { retryAfter, details: { limit_reason: reason, limit, current } },
    );
  }

  const everybodysBounds = {
    memoryBytes: limits.memoryMb * BYTES_PER_MB,
    storeBytes: limits.storeBytes,
    backlog: limits.backlog,
  };
  const { organizationBacklog, accountBacklog } = limits;
  const countsAccounts = organizationBacklog > 0 || accountBacklog > 0;

  async function everybodysLoad(): Promise<EverybodysLoad> {
    const { jobs, drainPerSecond } = meter.total;
    // What is not bounded is not measured.
    return {
      memoryBytes: limits.memoryMb > 0 ? await memoryBytes() : 0,
      storeBytes: limits.storeBytes > 0 ? await storeBytes() : 0,
      backlog: limits.backlog > 0 ? await options.backlog() : jobs,
      drainPerSecond,
    };
  }

  function loadOf(account: Account): AccountsLoad {
    const organization = meter.organization(account.organization);
    const own = meter.account(account);
    return {
      organizationBacklog: organization.jobs,
      organizationDrainPerSecond: organization.drainPerSecond,
      accountBacklog: own.jobs,
      accountDrainPerSecond: own.drainPerSecond,
    };
  }

  function verdictOfNext(
    everybody: EverybodysLoad,
    account: Account,
    taken: { readonly all: number; readonly own: number },
  ): AdmissionVerdict {
    const load = { ...everybody, backlog: everybody.backlog + taken.all };
    if (!countsAccounts) return verdictOf(load, everybodysBounds, 1);
    const { organizationBacklog: all, accountBacklog: own, ...drains } = loadOf(account);
    const accounts = {
      ...drains,
      organizationBacklog: all + taken.all,
      accountBacklog: own + taken.own,
    };
    const bounds = { ...everybodysBounds, organizationBacklog, accountBacklog };
    return verdictOf({ ...load, ...accounts }, bounds, 1);
  }

  return {
    async refusal(jobs) {
      return errorOf(verdictOf(await everybodysLoad(), everybodysBounds, jobs));
    },
    async hasRoom(jobs) {
      return verdictOf(await everybodysLoad(), everybodysBounds, jobs).verdict === 'accept';
    },
    refusalOf(account, jobs) {
      if (!countsAccounts) return null;
      return errorOf(verdictOf(loadOf(account), { organizationBacklog, accountBacklog }, jobs));
    },
    async room() {
      const everybody = await everybodysLoad();
      return {
        hasFor(accounts) {
          const jobs = accounts.length;
          const accepts = (...asked: Parameters<typeof verdictOf>): boolean =>
            verdictOf(...asked).verdict === 'accept';
          if (!accepts(everybody, everybodysBounds, jobs)) return false;
          const [first] = accounts;
          if (!countsAccounts || first === undefined) return true;
          return (
            accepts(loadOf(first), { organizationBacklog }, jobs) &&
            byAccount(accounts).every(([account, own]) =>
              accepts(loadOf(account), { accountBacklog }, own),
            )
          );
        },
        refusals(accounts) {
          const before = waitSeconds;
          const errors = new Map<string, ApiError | null>();
          const taken = new Map<string, number>();
          let all = 0;
          const refusals = accounts.map((account) => {
            const { apiKey, userId } = account;
            const name = `${apiKey} ${userId}`;
            const own = taken.get(name) ?? 0;
            const verdict = verdictOfNext(everybody, account, { all, own });
            if (verdict.verdict === 'accept') {
              all += 1;
              taken.set(name, own + 1);
              return null;
            }
            const why = verdict.reason === 'user_queue' ? name : verdict.reason;
            const known = errors.get(why);
            if (known !== undefined) return known;
            // Several reasons are one refusal still: each names the same wait.
            waitSeconds = before;
            const error = errorOf(verdict);
            errors.set(why, error);
            return error;
          });
          return refusals;
        },
      };
    },
    accepted() {
      waitSeconds = retryAfterSeconds;
    },
    report: async () => ({
      enabled: Object.values(limits).some((limit) => limit > 0),
      memory_mb: Math.ceil((await memoryBytes()) / BYTES_PER_MB),
      memory_limit_mb: limits.memoryMb,
      db_bytes: await storeBytes(),
      db_max_bytes: limits.storeBytes,
      backlog: await options.backlog(),
      max_backlog: limits.backlog,
      max_organization_backlog: limits.organizationBacklog,
      max_account_backlog: limits.accountBacklog,
      max_body_bytes: options.maxBodyBytes,
      drain_per_second: Math.round(meter.total.drainPerSecond * 100) / 100,
      retry_after_seconds: waitSeconds,
    }),
  };
}

function byAccount(accounts: readonly Account[]): readonly (readonly [Account, number])[] {
  const counts = new Map<string, readonly [Account, number]>();
  for (const account of accounts) {
    const name = `${account.apiKey} ${account.userId}`;
    counts.set(name, [account, (counts.get(name)?.[1] ?? 0) + 1]);
  }
  return [...counts.values()];
}

const NO_LOAD = {
  memoryBytes: 0,
  storeBytes: 0,
  backlog: 0,
  accountBacklog: 0,
  drainPerSecond: 0,
  accountDrainPerSecond: 0,
} as const;

/** Measures at most once in a while. */
function sampled(
  clock: Pick<Clock, 'monotonic'>,
  measure: () => Promise<number>,
): () => Promise<number> {
  let sample: { readonly value: Promise<number>; readonly until: number } | null = null;
  return () => {
    if (sample !== null && sample.until > clock.monotonic()) return sample.value;
    sample = { value: measure(), until: clock.monotonic() + SAMPLE_MS };
    return sample.value;
  };
}
