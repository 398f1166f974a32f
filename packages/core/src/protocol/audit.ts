import type { Metadata } from './job.ts';

/** Bounds of what an act is noted with. */
export const AUDIT_BOUNDS = {
  actorLength: 128,
  reasonLength: 500,
  targetLength: 512,
} as const;

/** What an operator has done: `noun.verb`, for example `limit.put`. */
export type AuditAction = `${string}.${string}`;

/** An act that has changed something, as it was noted in the same write. Nothing in it is a secret. */
export interface AuditEntryView {
  readonly audit_id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly action: AuditAction;
  /** What was acted on: the id of a job, the key of a limit; null: there is only one. */
  readonly target: string | null;
  /** The API key that was used; null: the server by itself. */
  readonly api_key_id: string | null;
  /** Who used it, as they said in `X-EZThrottle-Actor`. */
  readonly actor: string | null;
  readonly reason: string | null;
  readonly before: Metadata | null;
  readonly after: Metadata | null;
}

export interface AuditPage {
  /** The newest first. */
  readonly entries: readonly AuditEntryView[];
  /** Pass as `cursor` to read on; null at the end. */
  readonly next_cursor: string | null;
}
