import type { Effect } from '../job/effect.ts';
import type { JobSpec, PathSpec } from '../job/job-spec.ts';
import type { Leg, PathState, RunState } from '../job/run.ts';
import type { AcceptContext, Decision } from './decision.ts';
import { REGION_UNAVAILABLE } from './failure.ts';
import { regionsFor, startRegions } from './region.ts';

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
  const legs = startRegions(path, regionsFor(path, context)).map(
    ({ region, available }, position): Leg => {
      const base = {
        id: run.legs.length + position,
        path: index,
        region,
        triedRegions: [],
        retries: 0,
        reroutes: 0,
        unknowns: 0,
        heldBack: 0,
      };
      return available
        ? { ...base, state: 'waiting', readyAt }
        : {
            ...base,
            state: 'ended',
            result: 'failure',
            attempt: null,
            failure: REGION_UNAVAILABLE,
          };
    },
  );
  const enqueues = legs.flatMap((leg): Effect[] =>
    leg.state === 'waiting' ? [{ type: 'enqueue', leg: leg.id, readyAt: leg.readyAt }] : [],
  );
  const started = withPath(run, index, { state: 'running', startedAt: null });
  return {
    run: { ...started, legs: [...run.legs, ...legs], lastStartedPath: index },
    effects: [...decision.effects, ...enqueues],
  };
}

/** The run with one path's state replaced. */
export function withPath(run: RunState, index: number, state: PathState): RunState {
  return { ...run, paths: run.paths.map((path, position) => (position === index ? state : path)) };
}

/** The run with the leg of the same id replaced. */
export function withLeg(run: RunState, leg: Leg): RunState {
  return { ...run, legs: run.legs.map((other) => (other.id === leg.id ? leg : other)) };
}
