import { type AdmissionBounds, admissionVerdict, type Clock } from '@ezthrottle/engine';
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
  /** Why so many new jobs are turned away, whosoever they are; null: there is room. */
  refusal(jobs: number): Promise<ApiError | null>;
  /** The same for so many of one account, given that there is room for anybody's. */
  refusalOf(account: Account, jobs: number): ApiError | null;
  /** A job was accepted: refusals start again with the shortest wait. */
  accepted(): void;
  report(): Promise<Readonly<Record<string, number | boolean>>>;
}

const BYTES_PER_MB = 1_048_576;
const SAMPLE_MS = 250;
const LONGEST_WAIT_SECONDS = 60;

export function createAdmission(options: AdmissionOptions): Admission {
  const { clock, meter, limits, retryAfterSeconds } = options;
  let waitSeconds = retryAfterSeconds;
  const memoryBytes = sampled(clock, async () => options.residentBytes());
  const storeBytes = sampled(clock, options.storeBytes);

  function refuse(
    load: Partial<Parameters<typeof admissionVerdict>[0]>,
    bounds: AdmissionBounds,
    jobs: number,
  ): ApiError | null {
    const verdict = admissionVerdict({ ...NO_LOAD, ...load }, bounds, {
      jobs,
      baseSeconds: waitSeconds,
      maxSeconds: LONGEST_WAIT_SECONDS,
    });
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

  return {
    async refusal(jobs) {
      // What is not bounded is not measured.
      const load = {
        memoryBytes: limits.memoryMb > 0 ? await memoryBytes() : 0,
        storeBytes: limits.storeBytes > 0 ? await storeBytes() : 0,
        backlog: limits.backlog > 0 ? await options.backlog() : meter.total.jobs,
        drainPerSecond: meter.total.drainPerSecond,
      };
      const bounds = {
        memoryBytes: limits.memoryMb * BYTES_PER_MB,
        storeBytes: limits.storeBytes,
        backlog: limits.backlog,
      };
      return refuse(load, bounds, jobs);
    },
    refusalOf(account, jobs) {
      const { organizationBacklog, accountBacklog } = limits;
      if (organizationBacklog === 0 && accountBacklog === 0) return null;
      const [organization, own] = [
        meter.organization(account.organization),
        meter.account(account),
      ];
      const load = {
        organizationBacklog: organization.jobs,
        organizationDrainPerSecond: organization.drainPerSecond,
        accountBacklog: own.jobs,
        accountDrainPerSecond: own.drainPerSecond,
      };
      return refuse(load, { organizationBacklog, accountBacklog }, jobs);
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
