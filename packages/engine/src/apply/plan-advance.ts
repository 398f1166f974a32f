import type { Decision } from '../decide/decision.ts';
import { newDelivery } from '../deliver/new-delivery.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Outcome, StoredResponse } from '../job/outcome.ts';
import type { JobEnd, RunState } from '../job/run.ts';
import type {
  AdvanceOperation,
  EndedAttempt,
  Id,
  NewDelivery,
  NewJob,
  NewWork,
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
  readonly sentAt?: ((token: string) => EndedAttempt['startedAt']) | undefined;
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
  const { run } = decision;
  const abort: string[] = [];
  const putWork: NewWork[] = [];
  const ended = reported === null ? [] : [endedAttempt(reported, move)];
  const children: NewJob[] = [];
  const deliveries: NewDelivery[] = [];
  let end: JobEnd | null = null;
  let { wakeAt } = move;
  for (const effect of decision.effects) {
    switch (effect.type) {
      case 'enqueue':
        putWork.push(...queuedWork(job.spec, run, effect.leg, effect.readyAt, context.now));
        break;
      case 'withdraw': {
        const leg = legOf(before, effect.leg);
        if (leg?.state !== 'armed') break;
        const sentAt = context.sentAt?.(leg.token) ?? null;
        abort.push(leg.token);
        ended.push(abortedAttempt(leg.attempt, leg.token, context.now, sentAt));
        break;
      }
      case 'wake':
        wakeAt = effect.at;
        break;
      case 'end':
        end ??= effect.end;
        break;
      case 'spawn':
        children.push(spawnedJob(job, effect.edge, effect.spec, context));
        break;
      case 'deliver': {
        const delivery = newDelivery(job, effect.webhook, context);
        if (delivery !== null) deliveries.push(delivery);
        break;
      }
      case 'keep_response':
        break;
    }
  }
  const operation: AdvanceOperation = {
    type: 'advance',
    jobId: job.id,
    version: move.version,
    run,
    wakeAt: end === null ? wakeAt : null,
    putWork,
    removeWork: endedLegs(before, run),
    armed: [],
    ended,
    end,
    children,
    deliveries,
  };
  return { operation, abort };
}

/** Legs that have come to their end by this. */
function endedLegs(before: RunState, after: RunState): readonly number[] {
  const ended: number[] = [];
  for (const { id, state } of before.legs) {
    if (state !== 'ended' && legOf(after, id)?.state === 'ended') ended.push(id);
  }
  return ended;
}

/** An attempt that came to nothing by our own doing; `startedAt` tells whether its target was called. */
export function abortedAttempt(
  attempt: number,
  token: string,
  endedAt: number,
  startedAt: EndedAttempt['startedAt'],
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
