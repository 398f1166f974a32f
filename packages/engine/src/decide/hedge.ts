import type { HedgeSpec, JobSpec } from '../job/job-spec.ts';
import type { Leg, PathState, RunState } from '../job/run.ts';
import { type DecideContext, type Decision, withEffects } from './decision.ts';
import { regionsFor, rerouteRegion } from './region.ts';
import { withPath } from './start-path.ts';
import { isTooLate } from './wake.ts';

type RunningPath = PathState & { readonly state: 'running' };

/** When a second call is to be started beside this one, which leaves now; null: none is. */
export function plannedHedge(
  spec: JobSpec,
  run: RunState,
  leg: Leg,
  { now, hedging }: DecideContext,
): number | null {
  const path = spec.paths[leg.path];
  if (path?.hedge === undefined || hedging === undefined || path.executionMode === 'fanout') {
    return null;
  }
  // One second call for each path: a slow target must not be asked ever more often.
  if (run.legs.some((other) => other.path === leg.path && other.isHedge === true)) return null;
  const afterMs = waitOf(path.hedge, path.origin, hedging);
  return afterMs === null || isTooLate(spec, now + afterMs) ? null : now + afterMs;
}

/** Starts the second calls that are due, as far as their budgets allow; a plan is used up either way. */
export function startHedges(decision: Decision, spec: JobSpec, context: DecideContext): Decision {
  return decision.run.paths.reduce((before, path, index) => {
    const isDue =
      path.state === 'running' && path.hedgeAt !== undefined && path.hedgeAt <= context.now;
    return isDue ? startHedge(before, spec, index, path, context) : before;
  }, decision);
}

function startHedge(
  decision: Decision,
  spec: JobSpec,
  index: number,
  { startedAt }: RunningPath,
  context: DecideContext,
): Decision {
  const run = withPath(decision.run, index, { state: 'running', startedAt });
  const path = spec.paths[index];
  const slow = run.legs.find((leg) => leg.path === index && leg.state === 'armed');
  const isAllowed =
    path?.hedge !== undefined &&
    context.hedging?.allows(path.origin, path.hedge.budgetPercent) === true;
  // Whoever waits to be tried again is not slow: its answer has come.
  if (path === undefined || slow === undefined || !isAllowed) return { ...decision, run };
  const others = run.legs.filter((leg) => leg.path === index && leg.id !== slow.id);
  const siblings = new Set(others.flatMap((leg) => [leg.region, ...leg.triedRegions]));
  const region = rerouteRegion(path, slow, siblings, regionsFor(path, context));
  if (region === null) return { ...decision, run };
  const hedge: Leg = {
    id: run.legs.length,
    path: index,
    region,
    triedRegions: [],
    retries: 0,
    reroutes: 0,
    unknowns: 0,
    heldBack: 0,
    isHedge: true,
    state: 'waiting',
    readyAt: context.now,
  };
  return withEffects(
    { ...decision, run: { ...run, legs: [...run.legs, hedge] } },
    { type: 'enqueue', leg: hedge.id, readyAt: context.now },
  );
}

function waitOf(
  hedge: HedgeSpec,
  origin: string,
  hedging: NonNullable<DecideContext['hedging']>,
): number | null {
  return hedge.kind === 'after' ? hedge.afterMs : hedging.latencyMs(origin, hedge.percentile);
}
