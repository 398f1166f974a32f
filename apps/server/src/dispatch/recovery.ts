import type { Id, JobReads, WorkReads } from '@ezthrottle/engine';
import type { ActiveJob, ActiveJobs } from './active-jobs.ts';
import type { Destinations } from './destinations.ts';
import type { JobMover } from './job-mover.ts';
import type { PaceMemory } from './pace-memory.ts';

export interface RecoveryOptions {
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
  const { work, jobs, destinations, memory, maxTaught } = options;
  const rows = await work.pace(maxTaught);
  destinations.restore(rows);
  const counts = rows.length > 0 ? [] : Object.values(await jobs.counts());
  if (rows.length > 0 || counts.some((count) => count > 0)) memory.takesOver();
  if (rows.length >= maxTaught) memory.isNotAll();
  await forgetArmed(options);
  for (const { organization, origin, apiKey, userId } of await work.lines()) {
    destinations.lane(organization, origin).line.addBacklog({ apiKey, userId });
  }
}

/** Every armed attempt may have been sent or not: its outcome is unknown, its number is never reused. */
async function forgetArmed(options: RecoveryOptions): Promise<void> {
  const { work, active, batchRows } = options;
  for (let after: Id | null = null; ; ) {
    const rows: readonly { readonly jobId: Id }[] = await work.armed(after, batchRows);
    const ids = [...new Set(rows.map(({ jobId }) => jobId))];
    await Promise.all(
      ids.map((id) =>
        active.with(id, async (job) => {
          if (job !== null) await forgetArmedOf(job, options.mover, options.now());
        }),
      ),
    );
    const last = rows.at(-1);
    if (last === undefined || rows.length < batchRows) return;
    after = last.jobId;
  }
}

/** Decides every armed attempt of a job as unknown, except those that are known to be under way. */
export async function forgetArmedOf(
  job: ActiveJob,
  mover: JobMover,
  now: number,
  isRunning: (token: string) => boolean = () => false,
): Promise<void> {
  const outcome = { kind: 'unknown' as const };
  for (const leg of job.run.legs) {
    if (leg.state !== 'armed' || isRunning(leg.token)) continue;
    const attempt = { leg: leg.id, attempt: leg.attempt, token: leg.token, outcome };
    const nothing = { response: null, startedAt: null, endedAt: now };
    await mover.move(job, { type: 'outcome', ...attempt }, { ...attempt, ...nothing });
  }
}
