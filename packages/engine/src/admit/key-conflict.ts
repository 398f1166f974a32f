import { DEFAULTS, type JobState } from '@ezthrottle/core/protocol';
import type { JobSpec } from '../job/job-spec.ts';
import type { Id } from '../ports/operation.ts';
import type { HeldKey } from '../ports/reads/job-reads.ts';

/** The job that holds an idempotency key. */
export interface KeyHolder {
  readonly id: Id;
  readonly state: JobState;
  /** Attempts armed so far. */
  readonly attempts: number;
  /** Milliseconds since the epoch; null while it is live. */
  readonly endedAt: number | null;
  /** Of its claim. */
  readonly fingerprint: string;
  readonly windowMs: number;
}

/** What is done with a submit whose key may be taken. */
export type KeyVerdict =
  /** The key is free (again): the new job takes it. */
  | { readonly verdict: 'take' }
  /** The first job is the answer, 200 with `duplicate: true`. */
  | { readonly verdict: 'return'; readonly jobId: Id; readonly mismatch: boolean }
  /** The first job is cancelled and the new one takes its key, in one write. */
  | { readonly verdict: 'replace'; readonly jobId: Id }
  /** Answered with this status and code; nothing is written. */
  | {
      readonly verdict: 'refuse';
      readonly status: 409 | 422;
      readonly code: 'idempotency_mismatch' | 'idempotency_conflict' | 'replace_too_late';
      readonly jobId: Id;
    };

/** What a client is told with each code. */
export const CONFLICT_MESSAGES = {
  idempotency_mismatch: 'the idempotent_key belongs to a job with another method, URL or body',
  idempotency_conflict: 'the idempotent_key belongs to another job',
  replace_too_late: 'the job that holds the idempotent_key cannot be replaced any more',
} as const;

/**
 * What becomes of a submit, given the job that holds its key. The payload is compared first: a strict
 * submitter hears of another payload whatever else it asked for.
 *
 * @param spec Of the new job; `fingerprint` of its claim.
 * @param now Milliseconds since the epoch.
 */
export function keyVerdict(
  spec: Pick<JobSpec, 'strictIdempotency' | 'onConflict'>,
  fingerprint: string,
  holder: KeyHolder | null,
  now: number,
): KeyVerdict {
  if (holder === null || isKeyFree(holder, now)) return { verdict: 'take' };
  const { id: jobId, state, attempts, endedAt } = holder;
  const mismatch = holder.fingerprint !== fingerprint;
  return heldKeyVerdict(spec, { jobId, mismatch, state, attempts, expiresAt: endedAt });
}

/** The same where the store has said who holds the key. */
export function heldKeyVerdict(
  spec: Pick<JobSpec, 'strictIdempotency' | 'onConflict'>,
  holder: Pick<HeldKey, 'jobId' | 'mismatch' | 'state' | 'attempts' | 'expiresAt'>,
): Exclude<KeyVerdict, { readonly verdict: 'take' }> {
  const { jobId, mismatch } = holder;
  if (mismatch && spec.strictIdempotency) {
    return { verdict: 'refuse', status: 422, code: 'idempotency_mismatch', jobId };
  }
  switch (spec.onConflict ?? 'return') {
    case 'return':
      return { verdict: 'return', jobId, mismatch };
    case 'reject':
      return { verdict: 'refuse', status: 409, code: 'idempotency_conflict', jobId };
    case 'replace':
      return isUntouched(holder)
        ? { verdict: 'replace', jobId }
        : { verdict: 'refuse', status: 409, code: 'replace_too_late', jobId };
  }
}

/**
 * The end of a key's window, in milliseconds since the epoch. While the job is live: the latest that it can
 * be, which is when the job must have ended, and the window from then on.
 *
 * @param deadlineMs The general deadline of jobs. Default `DEFAULTS.deadlineMs`.
 */
export function keyExpiresAt(
  job: {
    readonly spec: Pick<JobSpec, 'notBefore' | 'onFailureTimeoutMs'>;
    readonly createdAt: number;
    readonly endedAt: number | null;
    readonly windowMs: number;
  },
  deadlineMs: number = DEFAULTS.deadlineMs,
): number {
  const { spec, createdAt, endedAt, windowMs } = job;
  if (endedAt !== null) return endedAt + windowMs;
  const general = Math.max(createdAt, spec.notBefore ?? 0) + deadlineMs;
  const own = spec.onFailureTimeoutMs === null ? general : createdAt + spec.onFailureTimeoutMs;
  return Math.min(general, own) + windowMs;
}

function isKeyFree({ endedAt, windowMs }: KeyHolder, now: number): boolean {
  return endedAt !== null && endedAt + windowMs <= now;
}

/** Nothing of it was ever sent, nor written down to be sent. */
function isUntouched({
  state,
  attempts,
  expiresAt,
}: Pick<HeldKey, 'state' | 'attempts' | 'expiresAt'>): boolean {
  return expiresAt === null && attempts === 0 && (state === 'pending' || state === 'scheduled');
}
