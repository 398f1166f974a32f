import type { JobSpec, RunState } from '@ezthrottle/engine';

/** Whether its call goes out to several regions at once. */
export function isRacing({ paths: [primary] }: JobSpec): boolean {
  return primary.executionMode === 'race' && primary.regions.length > 1;
}

/** When the first attempt went out, as far as the run knows. */
export function startOf(run: RunState): number | null {
  let earliest: number | null = null;
  for (const path of run.paths) {
    if (path.state === 'idle' || path.startedAt === null) continue;
    if (earliest === null || path.startedAt < earliest) earliest = path.startedAt;
  }
  return earliest;
}
