import type { Decision } from '../decide/decision.ts';
import { newDelivery } from '../deliver/new-delivery.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Outcome, StoredResponse } from '../job/outcome.ts';
import type { RunState } from '../job/run.ts';
import type {
  AdvanceOperation,
  EndedAttempt,
  Id,
  NewDelivery,
  NewJob,
} from '../ports/operation.ts';
import { legOf, queuedWork } from './queued-work.ts';
import { type SpawnContext, spawnedJob } from './spawned-job.ts';

/** A decision about one job, and what it was taken from. */
export interface DecidedMove {
  readonly job: {
    readonly id: Id;
    readonly organization: Id;
    readonly apiKey: Id;
    readonly spec: JobSpec;
  };
  readonly version: number;
  readonly before: RunState;
  /** Before the decision. */
  readonly wakeAt: number | null;
  readonly decision: Decision;
  /** The attempt whose outcome was decided on. */
  readonly reported: ReportedAttempt | null;
}

export interface ReportedAttempt {
  readonly attempt: number;
  readonly leg: number;
  readonly token: string;
  readonly outcome: Outcome;
  readonly response: StoredResponse | null;
  readonly startedAt: number | null;
  readonly endedAt: number;
}

export interface PlanContext extends SpawnContext {
  /** Waits before each attempt of a delivery, in milliseconds. Default: the protocol's. */
  readonly deliveryDelaysMs?: readonly number[] | undefined;
  /** When an attempt went out, in milliseconds since the epoch; null when it did not. Default: none did. */
  readonly sentAt?: ((token: string) => number | null) | undefined;
}

/** One write, and what may be done once it is on disk. */
export interface AdvancePlan {
  readonly operation: AdvanceOperation;
  /** Attempts that are to be stopped. */
  readonly abort: readonly string[];
}

/** Turns the effects of a decision into one write. */
export function planAdvance(move: DecidedMove, context: PlanContext): AdvancePlan {
  const { job, before, decision, reported } = move;
  const withdrawn = withdrawnAttempts(move);
  const wakes = decision.effects.filter((effect) => effect.type === 'wake');
  const end = decision.effects.find((effect) => effect.type === 'end')?.end ?? null;
  const operation: AdvanceOperation = {
    type: 'advance',
    jobId: job.id,
    version: move.version,
    run: decision.run,
    wakeAt: end === null ? (wakes.length > 0 ? (wakes.at(-1)?.at ?? null) : move.wakeAt) : null,
    putWork: decision.effects.flatMap((effect) =>
      effect.type === 'enqueue'
        ? queuedWork(job.spec, decision.run, effect.leg, effect.readyAt, context.now)
        : [],
    ),
    removeWork: before.legs.flatMap(({ id, state }) =>
      state !== 'ended' && legOf(decision.run, id)?.state === 'ended' ? [id] : [],
    ),
    armed: [],
    ended: [
      ...(reported === null ? [] : [endedAttempt(reported, move)]),
      ...withdrawn.map(({ attempt, token }) =>
        abortedAttempt(attempt, token, context.now, context.sentAt?.(token) ?? null),
      ),
    ],
    end,
    children: spawnedJobs(move, context),
    deliveries: deliveriesOf(move, context),
  };
  return { operation, abort: withdrawn.map(({ token }) => token) };
}

/** An attempt that came to nothing by our own doing; `startedAt` tells whether its target was called. */
export function abortedAttempt(
  attempt: number,
  token: string,
  endedAt: number,
  startedAt: number | null,
): EndedAttempt {
  return {
    attempt,
    token,
    endedAt,
    outcome: 'aborted',
    statusCode: null,
    error: null,
    startedAt,
    response: null,
  };
}

function withdrawnAttempts({
  before,
  decision,
}: DecidedMove): readonly { readonly attempt: number; readonly token: string }[] {
  return decision.effects.flatMap((effect) => {
    if (effect.type !== 'withdraw') return [];
    const leg = legOf(before, effect.leg);
    return leg?.state === 'armed' ? [{ attempt: leg.attempt, token: leg.token }] : [];
  });
}

function endedAttempt(
  reported: ReportedAttempt,
  { before, decision }: Pick<DecidedMove, 'before' | 'decision'>,
): EndedAttempt {
  const { attempt, token, outcome, response, startedAt, endedAt } = reported;
  const isKept = decision.effects.some(
    (effect) => effect.type === 'keep_response' && effect.attempt === attempt,
  );
  const again = legOf(decision.run, reported.leg);
  // Who goes on where the answer leads does not try again.
  const isLedOn = again?.redirect?.hops !== legOf(before, reported.leg)?.redirect?.hops;
  return {
    attempt,
    token,
    startedAt,
    endedAt,
    outcome: outcome.kind,
    statusCode: outcome.kind === 'response' ? outcome.status : null,
    error: errorOf(outcome),
    ...(again?.state === 'waiting' && !isLedOn && { retryAt: again.readyAt }),
    response: isKept ? response : null,
  };
}

function errorOf(outcome: Outcome): string | null {
  switch (outcome.kind) {
    case 'response':
    case 'aborted':
    case 'unknown':
      return null;
    case 'timeout':
      return outcome.message;
    case 'network_error':
    case 'refused':
      return `${outcome.code}: ${outcome.message}`;
  }
}

function spawnedJobs({ job, decision }: DecidedMove, context: SpawnContext): readonly NewJob[] {
  return decision.effects.flatMap((effect) =>
    effect.type === 'spawn' ? [spawnedJob(job, effect.edge, effect.spec, context)] : [],
  );
}

function deliveriesOf(
  { job, decision }: DecidedMove,
  { now, deliveryDelaysMs, sha256 }: PlanContext,
): readonly NewDelivery[] {
  const delays = deliveryDelaysMs === undefined ? {} : { delaysMs: deliveryDelaysMs };
  return decision.effects.flatMap((effect) => {
    if (effect.type !== 'deliver') return [];
    return newDelivery(job, effect.webhook, { now, sha256, ...delays }) ?? [];
  });
}
