import { rank } from '../admit/rank.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Leg, RunState } from '../job/run.ts';
import type { NewWork } from '../ports/operation.ts';

/** A row for a leg that stands in line; none when the run knows no such leg. */
export function queuedWork(
  spec: JobSpec,
  run: RunState,
  leg: number,
  readyAt: number,
  now: number,
): readonly NewWork[] {
  const origin = spec.paths[legOf(run, leg)?.path ?? -1]?.origin;
  if (origin === undefined) return [];
  const state = readyAt > now ? 'delayed' : 'ready';
  return [{ leg, origin, state, readyAt, rank: rank(spec.priority, readyAt) }];
}

export function legOf(run: RunState, id: number): Leg | undefined {
  return run.legs.find((leg) => leg.id === id);
}
