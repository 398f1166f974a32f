import { pathOfLeg } from '../decide/redirect.ts';
import { rank } from '../admit/rank.ts';
import type { JobSpec, PathSpec } from '../job/job-spec.ts';
import type { Leg, RunState } from '../job/run.ts';
import type { NewWork } from '../ports/operation.ts';
import { lineName } from './line-name.ts';

/** A row for a leg that stands in line; none when the run knows no such leg. */
export function queuedWork(
  spec: JobSpec,
  run: RunState,
  leg: number,
  readyAt: number,
  now: number,
): readonly NewWork[] {
  const path = pathOfLeg(spec, legOf(run, leg));
  if (path === undefined) return [];
  const state = readyAt > now ? 'delayed' : 'ready';
  const origin = lineOf(path);
  return [{ leg, origin, state, readyAt, rank: rank(spec.priority, readyAt) }];
}

/** The line in which calls of this path stand. */
export function lineOf({
  origin,
  part = 0,
  limits,
}: Pick<PathSpec, 'origin' | 'part' | 'limits'>): string {
  if (limits === undefined && part === 0) return origin;
  return lineName({ origin, part, limits: (limits ?? []).map(({ key }) => key) });
}

export function legOf(run: RunState, id: number): Leg | undefined {
  return run.legs.find((leg) => leg.id === id);
}
