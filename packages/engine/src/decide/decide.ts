import type { JobEvent } from '../job/event.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { RunState } from '../job/run.ts';
import type { DecideContext, Decision } from './decision.ts';
import { withEffects } from './decision.ts';
import { cancel, complete, fail, withdraw } from './end-job.ts';
import { END_ERRORS } from './failure.ts';
import { plannedHedge, startHedges } from './hedge.ts';
import { settleAttempt, settlePaths } from './settle.ts';
import { startPath, withPath } from './start-path.ts';
import { deadlineAt, isTooLate, nextTimedFallback, nextWakeAt } from './wake.ts';

type OutcomeEvent = Extract<JobEvent, { type: 'outcome' }>;
type SentEvent = Extract<JobEvent, { type: 'sent' }>;

/**
 * What follows from an event. Total and without side effects: an event that is late, repeated or about
 * another attempt gives the run it was given (the same object) and no effects.
 */
export function decide(
  spec: JobSpec,
  run: RunState,
  event: JobEvent,
  context: DecideContext,
): Decision {
  const before: Decision = { run, effects: [] };
  if (run.end !== null) return before;
  const after = follow(before, spec, event, context);
  if (after.run === run) return before;
  const at = nextWakeAt(spec, after.run, context.deadlineMs);
  const isTimerMoved = at !== nextWakeAt(spec, run, context.deadlineMs);
  return isTimerMoved ? withEffects(after, { type: 'wake', at }) : after;
}

function follow(
  before: Decision,
  spec: JobSpec,
  event: JobEvent,
  context: DecideContext,
): Decision {
  switch (event.type) {
    case 'sent':
      return afterSent(before, spec, event, context);
    case 'outcome':
      return afterOutcome(before, spec, event, context);
    case 'wake':
      return afterWake(before, spec, context);
    case 'cancel':
      return cancel(before, spec, END_ERRORS.cancelled, context.now);
  }
}

function afterSent(
  before: Decision,
  spec: JobSpec,
  event: SentEvent,
  context: DecideContext,
): Decision {
  const { run } = before;
  const leg = run.legs.find(({ id }) => id === event.leg);
  if (leg?.state !== 'armed' || leg.attempt !== event.attempt) return before;
  const path = run.paths[leg.path];
  if (path?.state !== 'running') return before;
  const hedgeAt = plannedHedge(spec, run, leg, context);
  if (path.startedAt !== null && hedgeAt === null) return before;
  const startedAt = path.startedAt ?? context.now;
  const planned = hedgeAt === null ? {} : { hedgeAt };
  return { run: withPath(run, leg.path, { state: 'running', startedAt, ...planned }), effects: [] };
}

function afterOutcome(
  before: Decision,
  spec: JobSpec,
  event: OutcomeEvent,
  context: DecideContext,
): Decision {
  const settled = settleAttempt(before, spec, event, context);
  if (settled === null) return before;
  // A fallback whose time came before this answer was decided starts first, as if its wake had been
  // quicker; a success needs none.
  const after = settled.isSuccess
    ? settled.decision
    : startTimedFallbacks(settled.decision, spec, context);
  return closeOverdue(settlePaths(after, spec, context, event.leg), spec, context);
}

function afterWake(before: Decision, spec: JobSpec, context: DecideContext): Decision {
  const overdue = closeOverdue(before, spec, context);
  if (overdue.run.end !== null) return overdue;
  const inTime = dropTooLate(before, spec, context);
  if (inTime.run.end !== null) return inTime;
  const hedged = startHedges(inTime, spec, context);
  return settlePaths(startTimedFallbacks(hedged, spec, context), spec, context, null);
}

/** The job's last moment to start has come: who still waits goes, and with nobody out it has failed. */
function dropTooLate(decision: Decision, spec: JobSpec, context: DecideContext): Decision {
  const { legs } = decision.run;
  if (!isTooLate(spec, context.now) || !legs.some(({ state }) => state === 'waiting')) {
    return decision;
  }
  if (!legs.some(({ state }) => state === 'armed')) {
    const isDone = legs.some((leg) => leg.state === 'ended' && leg.result === 'success');
    if (!isDone) return fail(decision, spec, END_ERRORS.executionDeadlineExceeded, context.now);
  }
  return legs.filter(({ state }) => state === 'waiting').reduce(withdraw, decision);
}

function startTimedFallbacks(decision: Decision, spec: JobSpec, context: DecideContext): Decision {
  const due = nextTimedFallback(spec, decision.run);
  if (due === null || due.at > context.now) return decision;
  // What starts now has sent nothing yet, so that nothing else is due behind it.
  return startPath(decision, spec, due.path, context);
}

/** The deadline has come: a fan-out that has a success is done, everything else has failed. */
function closeOverdue(decision: Decision, spec: JobSpec, context: DecideContext): Decision {
  const { run } = decision;
  if (run.end !== null || context.now < deadlineAt(spec, run, context.deadlineMs)) return decision;
  const success = run.legs.find((leg) => leg.state === 'ended' && leg.result === 'success');
  return success === undefined
    ? fail(decision, spec, END_ERRORS.deadlineExceeded, context.now)
    : complete(decision, spec, success.path, context.now);
}
