import {
  type Id,
  type JobReads,
  lineOf,
  pathOfLeg,
  slotOf,
  type WorkReads,
} from '@ezthrottle/engine';
import type { ActiveJob, ActiveJobs } from './active-jobs.ts';
import type { Destinations } from './destinations.ts';
import type { JobMover } from './job-mover.ts';
import type { PaceMemory } from './pace-memory.ts';

export interface RecoveryOptions {
  /** Undefined: all of them. */
  readonly slots: readonly number[] | undefined;
  /** Whether the attempt of this token is on its way in this process. */
  readonly isAtHand: (token: string) => boolean;
  /** Whether this line is this node's. */
  readonly owns: (organization: Id, line: string) => boolean;
  readonly work: Pick<WorkReads, 'armed' | 'lines' | 'pace'>;
  readonly jobs: Pick<JobReads, 'counts'>;
  readonly active: ActiveJobs;
  readonly mover: JobMover;
  readonly destinations: Destinations;
  readonly memory: Pick<PaceMemory, 'isNotAll' | 'takesOver'>;
  readonly maxTaught: number;
  readonly batchRows: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Takes up what an earlier process has left: its pace, its attempts of which nobody knows, its lines. */
export async function recover(options: RecoveryOptions): Promise<void> {
  await restorePaces(options);
  await takeUpWork(options);
}

/** What destinations have taught: to be known before anything is sent to them. */
export async function restorePaces(
  options: Pick<
    RecoveryOptions,
    'work' | 'jobs' | 'destinations' | 'memory' | 'maxTaught' | 'slots'
  >,
): Promise<void> {
  const { work, jobs, destinations, memory, maxTaught, slots } = options;
  const rows = await work.pace(maxTaught, slots);
  destinations.restore(rows);
  if (rows.length > 0 || slots !== undefined || (await hasJobs(jobs))) memory.takesOver();
  if (rows.length >= maxTaught) memory.isNotAll();
}

async function hasJobs(jobs: RecoveryOptions['jobs']): Promise<boolean> {
  return Object.values(await jobs.counts()).some((count) => count > 0);
}

/** Attempts of which nobody knows, and the lines. */
export async function takeUpWork(options: RecoveryOptions): Promise<void> {
  const { work, destinations, slots } = options;
  await forgetArmed(options);
  for (const { organization, origin, apiKey, userId } of await work.lines(slots)) {
    destinations.lane(organization, origin).line.addBacklog({ apiKey, userId });
  }
}

/** Every armed attempt may have been sent or not: its outcome is unknown, its number is never reused. */
async function forgetArmed(options: RecoveryOptions): Promise<void> {
  const { work, active, batchRows, slots } = options;
  // Lines that were this node's before are at hand, also between the end of a call and its record.
  const taken = slots === undefined ? null : new Set(slots);
  for (let after: Id | null = null; ; ) {
    const rows: readonly { readonly jobId: Id }[] = await work.armed(after, batchRows, slots);
    const ids = [...new Set(rows.map(({ jobId }) => jobId))];
    await Promise.all(
      ids.map((id) =>
        active.with(id, async (job) => {
          if (job === null) return;
          await forgetArmedOf(job, options.mover, options.now(), {
            isAtHand: options.isAtHand,
            owns: (line) =>
              options.owns(job.organization, line) &&
              (taken === null || taken.has(slotOf(job.organization, line))),
          });
        }),
      ),
    );
    const last = rows.at(-1);
    if (last === undefined || rows.length < batchRows) return;
    after = last.jobId;
  }
}

/** Decides the armed attempts of a job as unknown that are this node's and not on their way here. */
export async function forgetArmedOf(
  job: ActiveJob,
  mover: JobMover,
  now: number,
  {
    isAtHand,
    owns,
  }: {
    readonly isAtHand: (token: string) => boolean;
    readonly owns: (line: string) => boolean;
  },
): Promise<void> {
  const outcome = { kind: 'unknown' as const };
  for (const leg of job.run.legs) {
    if (leg.state !== 'armed' || isAtHand(leg.token)) continue;
    const path = pathOfLeg(job.spec, leg);
    if (path !== undefined && !owns(lineOf(path))) continue;
    const attempt = { leg: leg.id, attempt: leg.attempt, token: leg.token, outcome };
    const nothing = { response: null, startedAt: null, endedAt: now };
    await mover.move(job, { type: 'outcome', ...attempt }, { ...attempt, ...nothing });
  }
}
