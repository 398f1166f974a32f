import type { Clock } from '@ezthrottle/engine';
import { ApiError } from './api-error.ts';

export interface AdmissionOptions {
  readonly clock: Clock;
  /** Unfinished jobs; may be up to a second old. */
  readonly backlog: () => Promise<number>;
  readonly residentBytes: () => number;
  /** 0: no bound. */
  readonly maxBacklog: number;
  /** 0: no bound. */
  readonly memoryLimitMb: number;
  readonly maxBodyBytes: number;
  /** Seconds asked for by the first refusal; each further one in a row doubles it. Default 5. */
  readonly retryAfterSeconds?: number;
}

/** Turns new jobs away while the server has more than it can hold. */
export interface Admission {
  /** Null when there is room. */
  refusal(): Promise<ApiError | null>;
  /** A job was accepted: refusals start again with the shortest wait. */
  accepted(): void;
  report(): Readonly<Record<string, number | boolean>>;
}

const BYTES_PER_MB = 1_048_576;
const MEMORY_SAMPLE_MS = 250;
const LONGEST_WAIT_SECONDS = 60;

export function createAdmission(options: AdmissionOptions): Admission {
  const { clock, maxBacklog, memoryLimitMb, retryAfterSeconds = 5 } = options;
  let waitSeconds = retryAfterSeconds;
  let sample = { megabytes: 0, until: -1 };

  function memoryMb(): number {
    if (clock.monotonic() >= sample.until) {
      const megabytes = Math.ceil(options.residentBytes() / BYTES_PER_MB);
      sample = { megabytes, until: clock.monotonic() + MEMORY_SAMPLE_MS };
    }
    return sample.megabytes;
  }

  function refuse(reason: string, current: number, limit: number): ApiError {
    const retryAfter = waitSeconds;
    waitSeconds = Math.min(LONGEST_WAIT_SECONDS, waitSeconds * 2);
    return new ApiError(
      'rate_limited',
      `no room for new jobs: ${reason} at ${current} exceeds limit ${limit}`,
      { retryAfter, details: { limit_reason: reason, limit, current } },
    );
  }

  return {
    async refusal() {
      if (memoryLimitMb > 0 && memoryMb() > memoryLimitMb) {
        return refuse('memory', memoryMb(), memoryLimitMb);
      }
      if (maxBacklog > 0) {
        const backlog = await options.backlog();
        if (backlog >= maxBacklog) return refuse('backlog', backlog, maxBacklog);
      }
      return null;
    },
    accepted() {
      waitSeconds = retryAfterSeconds;
    },
    report: () => ({
      enabled: maxBacklog > 0 || memoryLimitMb > 0,
      memory_mb: memoryMb(),
      memory_limit_mb: memoryLimitMb,
      max_backlog: maxBacklog,
      max_body_bytes: options.maxBodyBytes,
      retry_after_seconds: waitSeconds,
    }),
  };
}
