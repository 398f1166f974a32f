import type { Effect } from '../job/effect.ts';
import type { JobSpec, PathSpec } from '../job/job-spec.ts';
import type { Leg, PathState, RunState } from '../job/run.ts';
import type { AcceptContext, Decision } from './decision.ts';
import { REGION_UNAVAILABLE } from './failure.ts';
import { type RegionChoice, regionsFor, startRegions } from './region.ts';

/** One for all: nearly no leg ever leaves its first region. */
const NONE: readonly string[] = [];

/** Starts a path: one leg for each region it runs in, put in line at its destination. */
export function startPath(
  decision: Decision,
  spec: JobSpec,
  index: number,
  context: AcceptContext,
): Decision {
  const path: PathSpec | undefined = spec.paths[index];
  if (path === undefined) return decision;
  const { run } = decision;
  const readyAt = index === 0 ? Math.max(context.now, spec.notBefore ?? 0) : context.now;
  // Lists of just that length: a run is kept in memory, and one that is pushed to has room for sixteen more.
  const legs = startRegions(path, regionsFor(path, context)).map((choice, position) =>
    newLeg(run.legs.length + position, index, choice, readyAt),
  );
  const enqueues = legs.flatMap(({ id, state }): Effect[] =>
    state === 'waiting' ? [{ type: 'enqueue', leg: id, readyAt }] : [],
  );
  const paths = run.paths.with(index, { state: 'running', startedAt: null });
  return {
    run: { ...run, legs: run.legs.concat(legs), paths, lastStartedPath: index },
    effects: decision.effects.concat(enqueues),
  };
}

function newLeg(
  id: number,
  path: number,
  { region, available }: RegionChoice,
  readyAt: number,
): Leg {
  const base = {
    id,
    path,
    region,
    triedRegions: NONE,
    retries: 0,
    reroutes: 0,
    unknowns: 0,
    heldBack: 0,
  };
  return available
    ? { ...base, state: 'waiting', readyAt }
    : { ...base, state: 'ended', result: 'failure', attempt: null, failure: REGION_UNAVAILABLE };
}

/** The run with one path's state replaced. */
export function withPath(run: RunState, index: number, state: PathState): RunState {
  return { ...run, paths: run.paths.map((path, position) => (position === index ? state : path)) };
}

/** The run with the leg of the same id replaced. */
export function withLeg(run: RunState, leg: Leg): RunState {
  return { ...run, legs: run.legs.map((other) => (other.id === leg.id ? leg : other)) };
}
