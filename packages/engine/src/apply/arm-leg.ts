import { arm } from '../decide/arm.ts';
import { pathOfLeg } from '../decide/redirect.ts';
import { isTooLate } from '../decide/wake.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { RunState } from '../job/run.ts';
import type { AdvanceOperation, ArmedAttempt, Id, NewJob, NewWork } from '../ports/operation.ts';
import { legOf, queuedWork } from './queued-work.ts';

/** What a write about a job starts from. */
export interface MovingJob {
  readonly id: Id;
  readonly spec: JobSpec;
  readonly run: RunState;
  readonly version: number;
  readonly wakeAt: number | null;
}

/** A leg with its next attempt, as it is written before the call goes out. */
export interface LegArming {
  readonly run: RunState;
  readonly armed: ArmedAttempt;
}

/**
 * Gives a leg whose time has come its next attempt under this token; null when it does not wait (any
 * more), or not yet. What was due when the job was accepted is due, though the clock of the node that
 * accepted it may be ahead.
 */
export function armLeg(
  { spec, run }: Pick<MovingJob, 'spec' | 'run'>,
  leg: number,
  token: string,
  now: number,
): LegArming | null {
  const waiting = legOf(run, leg);
  const path = pathOfLeg(spec, waiting);
  if (waiting?.state !== 'waiting' || path === undefined) return null;
  if (waiting.readyAt > Math.max(now, run.acceptedAt)) return null;
  if (isTooLate(spec, now)) return null;
  const armed = arm(run, leg, token);
  if (armed === null) return null;
  const { attempt } = armed;
  const { region } = waiting;
  return {
    run: armed.run,
    armed: { attempt, leg, path: waiting.path, token, region, url: path.url, armedAt: now },
  };
}

/** The write that commits an attempt ahead of its call. */
export function planArming(job: MovingJob, { run, armed }: LegArming): AdvanceOperation {
  const { leg, armedAt } = armed;
  const putWork = queuedWork(job.spec, run, leg, armedAt, armedAt).map(
    (work): NewWork => ({ ...work, state: 'armed' }),
  );
  return { ...unchangedAdvance(job, run), putWork, armed: [armed] };
}

/** The legs of a new job that this lets pass, armed within the job's own submit; the same object if none is. */
export function armAccepted(
  job: NewJob,
  tokenFor: (work: NewWork) => string | null,
  now: number,
): NewJob {
  let { run } = job;
  const armed: ArmedAttempt[] = [];
  const work = job.work.map((row): NewWork => {
    const token = row.state === 'ready' ? tokenFor(row) : null;
    const arming = token === null ? null : armLeg({ spec: job.spec, run }, row.leg, token, now);
    if (arming === null) return row;
    run = arming.run;
    armed.push(arming.armed);
    return { ...row, state: 'armed' };
  });
  return armed.length === 0 ? job : { ...job, run, work, armed };
}

/** A write that changes nothing but the run. */
export function unchangedAdvance(job: MovingJob, run: RunState): AdvanceOperation {
  return {
    type: 'advance',
    jobId: job.id,
    version: job.version,
    run,
    wakeAt: job.wakeAt,
    putWork: [],
    removeWork: [],
    armed: [],
    ended: [],
    end: null,
    children: [],
    deliveries: [],
  };
}
