import { attemptCall, isTooLate, legOf, pathOfLeg } from '@ezthrottle/engine';
import type { ArmedRef, AttemptCall, KeyUse, TraceContext } from '@ezthrottle/engine';
import type { ActiveJob, ActiveJobs } from './active-jobs.ts';
import type { RunningCalls } from './calls.ts';
import type { DispatcherParts } from './dispatch-ports.ts';
import type { JobMover } from './job-mover.ts';
import type { Lane } from './lane.ts';

export interface CallStarterOptions {
  readonly parts: Pick<
    DispatcherParts,
    'clock' | 'notices' | 'logger' | 'signals' | 'tracing' | 'hasSecrets'
  >;
  readonly maxResponseBytes: number;
  readonly active: ActiveJobs;
  readonly calls: RunningCalls;
  readonly mover: JobMover;
  /** Whether the outcome of this attempt is being decided: its call is over. */
  readonly isDeciding: (token: string) => boolean;
}

/** Makes calls of armed attempts whose turn has come. */
export class CallStarter {
  readonly #options: CallStarterOptions;

  constructor(options: CallStarterOptions) {
    this.#options = options;
  }

  /** The job of an attempt that is still to be sent. One whose last moment has passed is given up here. */
  jobOf(armed: ArmedRef): ActiveJob | undefined {
    const { active, calls, isDeciding, parts } = this.#options;
    // The promise that a number is sent once is kept here, whichever line a call has come from.
    if (calls.has(armed.token) || isDeciding(armed.token)) return undefined;
    const job = active.get(armed.jobId);
    if (job === undefined || job.isLost) return undefined;
    const leg = legOf(job.run, armed.leg);
    if (leg?.state !== 'armed' || leg.token !== armed.token) return undefined;
    if (!isTooLate(job.spec, parts.clock.now())) return job;
    this.#giveUp(job, armed);
    return undefined;
  }

  /** The call as it is handed over; its keys have it booked. */
  start(job: ActiveJob, armed: ArmedRef, lane: Lane, uses: readonly KeyUse[]): AttemptCall | null {
    const { parts, calls, mover, maxResponseBytes } = this.#options;
    const leg = legOf(job.run, armed.leg);
    const path = pathOfLeg(job.spec, leg);
    if (leg === undefined || path === undefined) return null;
    lane.destination.record?.left();
    lane.destination.allotment?.begun({ apiKey: job.apiKey, userId: job.spec.userId });
    mover.sent(job, armed);
    const { region } = leg;
    const startedAt = parts.clock.now();
    calls.add({ ...armed, lane, region, uses, startedAt, sentAt: null });
    const { attempt, token } = armed;
    const { acceptedAt } = job.run;
    parts.signals?.called?.({ job, path, leg, attempt, token, acceptedAt });
    parts.notices.publish({
      jobId: job.id,
      at: startedAt,
      type: 'dispatching',
      attempt,
      path: leg.path,
      region,
    });
    const call = attemptCall({
      jobId: job.id,
      idempotentKey: job.idempotentKey,
      path,
      attempt,
      token,
      region,
      sendIdempotencyKey: job.spec.sendIdempotencyKey,
      maxResponseBytes,
      trace: this.#traceFor(job, token),
    });
    const { organization } = job;
    // A target may show a secret that another call has sent.
    if (path.secrets === undefined && parts.hasSecrets?.(organization) !== true) return call;
    return { ...call, secrets: { organization, names: path.secrets ?? [] } };
  }

  #traceFor({ spec }: ActiveJob, token: string): TraceContext | null {
    if (spec.sendTraceparent !== true) return null;
    return this.#options.parts.tracing?.contextOf(token) ?? spec.trace ?? null;
  }

  /** Nothing was sent: the attempt is taken back, and the job decided as one that came too late. */
  #giveUp(job: ActiveJob, armed: ArmedRef): void {
    const { active, mover, parts } = this.#options;
    const giveUp = async (held: ActiveJob | null): Promise<void> => {
      if (held === null) return;
      await mover.handBack(held, armed);
      await mover.move(held, { type: 'wake' });
    };
    active.with(job.id, giveUp).catch((error: unknown) => {
      parts.logger.error(
        { event: 'late_job_not_ended', jobId: job.id, err: error },
        'a job that is too late was not ended',
      );
    });
  }
}
