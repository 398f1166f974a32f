import type { JobSpec, PathSpec } from '../job/job-spec.ts';
import type { Outcome } from '../job/outcome.ts';
import { isSuccess } from '../job/outcome.ts';
import type { Failure, Leg, RunState } from '../job/run.ts';
import { backoffMs } from './backoff.ts';
import type { DecideContext } from './decision.ts';
import { OUTCOME_UNKNOWN, REGION_UNAVAILABLE } from './failure.ts';
import { redirectOf } from './redirect.ts';
import { regionsFor, rerouteRegion } from './region.ts';
import { namedInstant } from './named-instant.ts';
import { isTooLate } from './wake.ts';

/** How often one leg is sent again although a crash hid what the attempt before gave. */
export const MAX_UNKNOWNS = 3;

/** What becomes of a leg after one of its attempts. */
export type LegStep =
  | { readonly type: 'succeed' }
  /** The changed counters and the moment from which the leg stands in line again. */
  | { readonly type: 'again'; readonly change: LegChange; readonly readyAt: number }
  | { readonly type: 'fail'; readonly failure: Failure };

export type LegChange = Partial<
  Pick<
    Leg,
    'region' | 'triedRegions' | 'retries' | 'reroutes' | 'unknowns' | 'heldBack' | 'redirect'
  >
>;

interface Situation {
  readonly spec: JobSpec;
  readonly path: PathSpec;
  readonly leg: Leg;
  readonly run: RunState;
  readonly deadlineAt: number;
  readonly context: DecideContext;
}

/** The order of decision 17 for one leg: retry, then reroute, then failed. */
export function afterAttempt(situation: Situation, outcome: Outcome): LegStep {
  if (isSuccess(outcome)) return { type: 'succeed' };
  const step = retryOrReroute(situation, outcome);
  if (step.type !== 'again') return step;
  const { spec, leg, deadlineAt } = situation;
  // A wait that outlasts the job only hides the failure from the fallbacks.
  const isOver = step.readyAt >= deadlineAt || isTooLate(spec, step.readyAt);
  // Second calls and retries must not multiply: only one that a crash hid is sent again.
  const isSpare = leg.isHedge === true && step.change.unknowns === undefined;
  return isOver || isSpare ? { type: 'fail', failure: failureOf(outcome) } : step;
}

function retryOrReroute(situation: Situation, outcome: Outcome): LegStep {
  switch (outcome.kind) {
    case 'response':
      return afterRedirect(situation, outcome);
    case 'network_error':
    case 'timeout':
      return reroute(situation, failureOf(outcome), null);
    case 'refused':
      return { type: 'fail', failure: failureOf(outcome) };
    case 'aborted':
    case 'unknown':
      return afterUnknown(situation);
  }
}

/** Each hop is an attempt of its own: it stands in line at the destination that it leads to. */
function afterRedirect(
  situation: Situation,
  outcome: Extract<Outcome, { readonly kind: 'response' }>,
): LegStep {
  const redirect = redirectOf(situation.path, situation.leg, outcome);
  return redirect === null
    ? afterStatus(situation, outcome.status, outcome.headers)
    : { type: 'again', change: { redirect }, readyAt: situation.context.now };
}

function afterStatus(
  situation: Situation,
  status: number,
  headers: Readonly<Record<string, string>>,
): LegStep {
  const { path, leg, context } = situation;
  const { retry } = path;
  const failure: Failure = { kind: 'status', status };
  const named = namedInstant(status, headers, context.now);
  // A secondary limit refuses with 403, and is one only where it says until when.
  const isSecondary = status === 403 && named !== null && !retry.rerouteCodes.includes(status);
  const isLimit = status === 429 || status === 503 || isSecondary;
  const { retryCodes } = retry;
  if (retryCodes.includes(status) || (isSecondary && retryCodes.includes(429))) {
    // It says that the call was not taken up, and when it will be: nothing was tried in vain.
    if (named !== null && isLimit) {
      return { type: 'again', change: { heldBack: leg.heldBack + 1 }, readyAt: named };
    }
    if (leg.retries < retry.maxRetries) {
      const readyAt = named ?? context.now + backoffMs(leg.retries, context.random);
      return { type: 'again', change: { retries: leg.retries + 1 }, readyAt };
    }
  }
  if (retry.rerouteCodes.includes(status)) return reroute(situation, failure, named);
  return { type: 'fail', failure };
}

function reroute(situation: Situation, failure: Failure, named: number | null): LegStep {
  const { path, leg, context } = situation;
  if (leg.reroutes >= path.retry.maxReroutes) return { type: 'fail', failure };
  const region = rerouteRegion(path, leg, siblingRegions(situation), regionsFor(path, context));
  if (region === null) return { type: 'fail', failure: REGION_UNAVAILABLE };
  const others = leg.triedRegions.filter((tried) => tried !== leg.region);
  const isFresh = region !== leg.region && !others.includes(region);
  const wait = named ?? context.now + backoffMs(leg.reroutes, context.random);
  return {
    type: 'again',
    change: { region, triedRegions: [...others, leg.region], reroutes: leg.reroutes + 1 },
    readyAt: isFresh ? context.now : wait,
  };
}

/** Where other legs of its path run or have run. */
function siblingRegions({ run, leg }: Situation): ReadonlySet<string> {
  const siblings = run.legs.filter((other) => other.path === leg.path && other.id !== leg.id);
  return new Set(siblings.flatMap((other) => [other.region, ...other.triedRegions]));
}

function afterUnknown({ spec, leg, context }: Situation): LegStep {
  if (spec.repeat === 'never' || leg.unknowns >= MAX_UNKNOWNS) {
    return { type: 'fail', failure: OUTCOME_UNKNOWN };
  }
  return { type: 'again', change: { unknowns: leg.unknowns + 1 }, readyAt: context.now };
}

function failureOf(outcome: Outcome): Failure {
  switch (outcome.kind) {
    case 'response':
      return { kind: 'status', status: outcome.status };
    case 'network_error':
    case 'refused':
      return { kind: outcome.kind, message: named(outcome.code, outcome.message) };
    case 'timeout':
      return { kind: 'timeout', message: outcome.message };
    case 'aborted':
    case 'unknown':
      return OUTCOME_UNKNOWN;
  }
}

function named(code: string, message: string): string {
  return message.includes(code) ? message : `${code}: ${message}`;
}
