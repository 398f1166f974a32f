import type { JobEvent } from '../job/event.ts';
import type { JobSpec, Trigger } from '../job/job-spec.ts';
import type { Failure, Leg, RunState } from '../job/run.ts';
import type { LegStep } from './after-attempt.ts';
import { afterAttempt } from './after-attempt.ts';
import type { DecideContext, Decision } from './decision.ts';
import { withEffects } from './decision.ts';
import { complete, fail, withdraw } from './end-job.ts';
import { describeFailure, REGION_UNAVAILABLE, triggerMatches } from './failure.ts';
import { lasting } from './lasting.ts';
import { pathOfLeg } from './redirect.ts';
import { startPath, withLeg, withPath } from './start-path.ts';
import { deadlineAt, isTooLate } from './wake.ts';

type OutcomeEvent = Extract<JobEvent, { type: 'outcome' }>;
type ArmedLeg = Leg & { readonly state: 'armed' };

/** One attempt's outcome written into its leg. Null: no such attempt is under way. */
export function settleAttempt(
  decision: Decision,
  spec: JobSpec,
  event: OutcomeEvent,
  context: DecideContext,
): { readonly decision: Decision; readonly isSuccess: boolean } | null {
  const { run } = decision;
  const leg = run.legs.find(({ id }) => id === event.leg);
  if (leg?.state !== 'armed' || leg.attempt !== event.attempt || leg.token !== event.token) {
    return null;
  }
  const path = pathOfLeg(spec, leg);
  if (path === undefined) return null;
  const step = afterAttempt(
    {
      spec,
      path,
      leg,
      context,
      run,
      deadlineAt: deadlineAt(spec, run, context.deadlineMs),
    },
    event.outcome,
  );
  const moved = moveLeg(decision, leg, step);
  const isKept = event.outcome.kind === 'response' && isWorthKeeping(leg, step);
  const kept = isKept ? keepResponse(moved, leg) : moved;
  // What cannot be sent from here cannot be sent from a sibling's region either.
  const isHopeless = event.outcome.kind === 'refused' && path.executionMode !== 'fanout';
  const settled = isHopeless ? withdrawPath(kept, leg.path) : kept;
  const isHeldBack = step.type === 'again' && step.change.heldBack !== undefined;
  const { outcome } = event;
  const started =
    isHeldBack && outcome.kind === 'response'
      ? startAsked(settled, spec, leg.path, outcome.status, context)
      : settled;
  return { decision: started, isSuccess: step.type === 'succeed' };
}

/**
 * The target asks for patience, and there is a fallback for just this answer: it starts at once, while
 * the call that was asked to wait keeps its place in line. The first success wins.
 */
function startAsked(
  decision: Decision,
  spec: JobSpec,
  index: number,
  status: number,
  context: DecideContext,
): Decision {
  const isAsked = (trigger: Trigger): boolean =>
    trigger.kind === 'on_error' && trigger.codes.includes(status);
  return startFirst(decision, spec, index, isAsked, context);
}

/**
 * Settles every path whose legs have all come to their end, starts what their failures trigger, and
 * ends the job when a path succeeded or nothing is left to wait for.
 *
 * @param lastLeg The leg whose end brought this on: its failure speaks for its path.
 */
export function settlePaths(
  start: Decision,
  spec: JobSpec,
  context: DecideContext,
  lastLeg: number | null,
): Decision {
  let decision = start;
  let lastFailure: Failure = REGION_UNAVAILABLE;
  // Each turn settles one path for good, so there are at most as many as paths.
  for (let index = nextSettled(decision.run, spec); index !== null; ) {
    if (hasSuccess(decision.run, index)) return complete(decision, spec, index, context.now);
    lastFailure = pathFailure(decision.run, index, lastLeg);
    decision = failPath(decision, spec, index, lastFailure, context);
    index = nextSettled(decision.run, spec);
  }
  if (decision.run.legs.some((leg) => leg.state !== 'ended')) return decision;
  return fail(decision, spec, describeFailure(lastFailure), context.now);
}

function moveLeg(decision: Decision, leg: ArmedLeg, step: LegStep): Decision {
  const { attempt } = leg;
  const base = lasting(leg);
  switch (step.type) {
    case 'succeed': {
      const ended: Leg = { ...base, state: 'ended', result: 'success', attempt, failure: null };
      return { ...decision, run: withLeg(decision.run, ended) };
    }
    case 'fail': {
      const { failure } = step;
      const ended: Leg = { ...base, state: 'ended', result: 'failure', attempt, failure };
      return { ...decision, run: withLeg(decision.run, ended) };
    }
    case 'again': {
      const { readyAt } = step;
      const waiting: Leg = { ...base, ...step.change, state: 'waiting', readyAt };
      return withEffects(
        { ...decision, run: withLeg(decision.run, waiting) },
        { type: 'enqueue', leg: leg.id, readyAt },
      );
    }
  }
}

/** Of answers that only ask for patience the first is enough: a job may be held back for a day. */
function isWorthKeeping(leg: Leg, step: LegStep): boolean {
  if (step.type === 'again' && step.change.redirect !== undefined) return false;
  const isHeldBack = step.type === 'again' && step.change.heldBack !== undefined;
  return !isHeldBack || leg.heldBack === 0;
}

function keepResponse(decision: Decision, { path, attempt }: ArmedLeg): Decision {
  return withEffects(
    { ...decision, run: { ...decision.run, lastResponse: { path, attempt } } },
    { type: 'keep_response', attempt },
  );
}

function withdrawPath(decision: Decision, path: number): Decision {
  return decision.run.legs.filter((leg) => leg.path === path).reduce(withdraw, decision);
}

/** The first running path that waits for nothing more. */
function nextSettled(run: RunState, spec: JobSpec): number | null {
  const index = run.paths.findIndex((path, position) => {
    if (path.state !== 'running') return false;
    const isFanout = spec.paths[position]?.executionMode === 'fanout';
    if (!isFanout && hasSuccess(run, position)) return true;
    return !run.legs.some((leg) => leg.path === position && leg.state !== 'ended');
  });
  return index === -1 ? null : index;
}

function hasSuccess(run: RunState, path: number): boolean {
  return run.legs.some(
    (leg) => leg.path === path && leg.state === 'ended' && leg.result === 'success',
  );
}

function pathFailure(run: RunState, path: number, lastLeg: number | null): Failure {
  const failed = run.legs.flatMap((leg) =>
    leg.path === path && leg.state === 'ended' && leg.failure !== null
      ? [{ id: leg.id, failure: leg.failure }]
      : [],
  );
  const last = failed.find(({ id }) => id === lastLeg) ?? failed.at(-1);
  return last?.failure ?? REGION_UNAVAILABLE;
}

function failPath(
  decision: Decision,
  spec: JobSpec,
  index: number,
  failure: Failure,
  context: DecideContext,
): Decision {
  const state = decision.run.paths[index];
  const startedAt = state === undefined || state.state === 'idle' ? null : state.startedAt;
  const run = withPath(decision.run, index, { state: 'failed', failure, startedAt });
  const isMatch = (trigger: Trigger): boolean => triggerMatches(trigger, failure);
  return startFirst({ ...decision, run }, spec, index, isMatch, context);
}

/** Starts the first idle path behind this one whose trigger is met; none may be. */
function startFirst(
  decision: Decision,
  spec: JobSpec,
  index: number,
  isMet: (trigger: Trigger) => boolean,
  context: DecideContext,
): Decision {
  if (isTooLate(spec, context.now)) return decision;
  const next = spec.paths.findIndex(
    ({ trigger }, position) =>
      position > index &&
      decision.run.paths[position]?.state === 'idle' &&
      trigger !== null &&
      isMet(trigger),
  );
  return next === -1 ? decision : startPath(decision, spec, next, context);
}
