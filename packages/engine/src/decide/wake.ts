import { DEFAULTS } from '@ezthrottle/core/protocol';
import type { JobSpec } from '../job/job-spec.ts';
import type { RunState } from '../job/run.ts';

/**
 * The instant at which a job fails whatever it does: `on_failure_timeout_ms` from acceptance, or the
 * general deadline from when it may start, whichever comes first. Milliseconds since the epoch.
 */
export function deadlineAt(
  spec: JobSpec,
  run: RunState,
  deadlineMs: number = DEFAULTS.deadlineMs,
): number {
  const general = Math.max(run.acceptedAt, spec.notBefore ?? 0) + deadlineMs;
  if (spec.onFailureTimeoutMs === null) return general;
  return Math.min(general, run.acceptedAt + spec.onFailureTimeoutMs);
}

/** A fallback that starts because its predecessor takes too long, and when. */
export interface DueFallback {
  readonly path: number;
  readonly at: number;
}

/**
 * The next `on_timeout` fallback by the clock: the idle one right behind the path that started last,
 * measured from that path's first byte sent. A fallback hangs under the one before it: while that waits
 * for its own trigger, there is nothing to measure from. Null while nothing was sent, too.
 */
export function nextTimedFallback(spec: JobSpec, run: RunState): DueFallback | null {
  const last = run.paths[run.lastStartedPath];
  if (last === undefined || last.state === 'idle' || last.startedAt === null) return null;
  const path = run.paths.findIndex(
    ({ state }, position) => position > run.lastStartedPath && state === 'idle',
  );
  const trigger = spec.paths[path]?.trigger;
  if (trigger?.kind !== 'on_timeout') return null;
  const at = last.startedAt + trigger.timeoutMs;
  return isTooLate(spec, at) ? null : { path, at };
}

/** Whether no attempt of this job may start any more at this instant, by its `execute_before`. */
export function isTooLate({ executeBefore }: Pick<JobSpec, 'executeBefore'>, at: number): boolean {
  return executeBefore !== undefined && at >= executeBefore;
}

/** When the first of the planned second calls is due; infinity: none is planned. */
function nextHedgeAt(run: RunState): number {
  let first = Number.POSITIVE_INFINITY;
  for (const path of run.paths) {
    if (path.state === 'running') first = Math.min(first, path.hedgeAt ?? first);
  }
  return first;
}

/** When this job must be decided again without any event from outside; null: it has ended. */
export function nextWakeAt(
  spec: JobSpec,
  run: RunState,
  deadlineMs: number = DEFAULTS.deadlineMs,
): number | null {
  if (run.end !== null) return null;
  // Accepted where no region could take it: the first decision says what follows.
  if (!run.legs.some((leg) => leg.state !== 'ended')) return run.acceptedAt;
  const deadline = deadlineAt(spec, run, deadlineMs);
  const isWaiting = run.legs.some(({ state }) => state === 'waiting');
  const lastStart = isWaiting ? spec.executeBefore : undefined;
  const fallbackAt = nextTimedFallback(spec, run)?.at;
  return Math.min(deadline, fallbackAt ?? deadline, nextHedgeAt(run), lastStart ?? deadline);
}
