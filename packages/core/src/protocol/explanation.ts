import type { DeliveryView, JobState, JobStatus } from './job.ts';

/** Why a job waits. */
export type WaitReason =
  /** It was submitted for later, or a step of it is delayed. */
  | 'not_before'
  /** An attempt has failed; the next is not due yet. */
  | 'retry'
  /** The region that its call is to leave from is down. */
  | 'region'
  /** This server may not spend anything of the limit now. */
  | 'allotment'
  /** Somebody has paused the limit. */
  | 'paused_by_hand'
  /** An answer of the target has asked for a pause. */
  | 'paused_by_target'
  /** The destination is taken for down until it is tried again. */
  | 'circuit'
  /** As many calls as the limit allows are under way. */
  | 'concurrency'
  /** The limit's rate, or what its calls cost, is used up for now. */
  | 'rate'
  /** Other calls go first. */
  | 'turn';

/** What to change so that a job waits less: a field of a limit. */
export interface RuleView {
  readonly method: 'PUT' | 'PATCH';
  /** Of the limit, for example `/api/v1/limits/openai-rpm`. */
  readonly path: string;
  readonly field: 'rate' | 'concurrency' | 'paused' | 'paused_until';
  /** What is in force now. A rate is by the second. */
  readonly value: number | boolean | null;
}

/** One thing that a job waits for. */
export interface WaitView {
  readonly reason: WaitReason;
  /** Key of the limit at which it waits: `destination:<origin>`, `account:<user_id>`, a name; null: at none. */
  readonly key: string | null;
  /** When that is over, in milliseconds since the epoch; null: that is not known. */
  readonly until: number | null;
  readonly message: string;
  /** Null: no limit is to blame. */
  readonly change: RuleView | null;
}

/** How much of a limit may be spent. */
export interface DividedPace {
  /** Units a second; null: only calls at the same time are limited. */
  readonly rate: number | null;
  /** Calls at the same time. */
  readonly concurrency: number;
}

/** A limit that several servers of a cluster spend, of which the one that has the job's call has but a share. */
export interface DivisionView {
  /** Key of the limit: `destination:<origin>`, `account:<user_id>`, a name. */
  readonly key: string;
  /** All of it that is in force. */
  readonly whole: DividedPace;
  /** What the server that has the call may spend of it now, which its calls wait for alone; zeros: nothing. */
  readonly share: DividedPace;
  /** Into how many parts the accounts of a destination are divided; null: the shares go by what waits. */
  readonly parts: number | null;
  /** The part in which the call stands, from 0: it stays there also when the parts become more or fewer. */
  readonly part: number | null;
  /** Calls of the same part that go before it; null: there are no parts, or that cannot be told. */
  readonly position: number | null;
}

/** Calls that go before a job's. */
export interface AheadView {
  readonly total: number;
  /** Whose they are, those with the most first; at most 20. */
  readonly accounts: readonly {
    readonly api_key_id: string;
    readonly user_id: string;
    readonly calls: number;
  }[];
}

/** An attempt that is under way. */
export interface RunningAttemptView {
  readonly attempt: number;
  readonly path: number;
  readonly region: string;
  /** When its first byte went out; null while its connection is being opened. */
  readonly started_at: number | null;
}

/** Answer to `GET /api/v1/jobs/:id/explain`. Instants are milliseconds since the epoch. */
export interface JobExplanation {
  readonly job_id: string;
  readonly status: JobStatus;
  readonly state: JobState;
  /** When this was so. */
  readonly at: number;
  /** `delivering`: it has ended, and not everybody has been told. */
  readonly phase: 'waiting' | 'running' | 'delivering' | 'ended';
  /** All of it in a sentence. */
  readonly message: string;
  /** What the next call of the job waits for: what is over first comes first, what nobody knows last. */
  readonly waits: readonly WaitView[];
  /** Limits that it waits for and that are divided among servers. Empty: it has them all to itself. */
  readonly divided: readonly DivisionView[];
  /**
   * Calls that go before it at its limits, of a divided one those at the same server; null: it does not wait, or too
   * many do to be counted.
   */
  readonly position: number | null;
  readonly ahead: AheadView | null;
  /** When its next call is sent if nothing else comes; null: that cannot be told. */
  readonly estimated_start: number | null;
  /** How far the estimate is to be trusted; null: there is none. */
  readonly confidence: 'high' | 'medium' | 'low' | null;
  /** What the estimate takes for granted. */
  readonly assumptions: readonly string[];
  readonly running: readonly RunningAttemptView[];
  /** Deliveries that were not accepted yet, dead ones too. */
  readonly deliveries: readonly DeliveryView[];
  readonly ended_at: number | null;
  /** Why it failed. */
  readonly error: string | null;
}
