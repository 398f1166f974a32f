import { type Clock, type Id, type JobReads, lineOf, pathOfLeg } from '@ezthrottle/engine';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { JobNotice } from './job-event.ts';

/** What is only told to those present, for one who has just come: at what a job waits, and behind how many. */
export async function whereItWaits(
  jobId: Id,
  parts: {
    readonly jobs: Pick<JobReads, 'live'>;
    readonly waitOf: Dispatcher['waitOf'];
    readonly clock: Pick<Clock, 'now'>;
  },
): Promise<readonly JobNotice[]> {
  const { jobs, waitOf, clock } = parts;
  const [live] = await jobs.live([jobId]);
  for (const one of live?.run.legs ?? []) {
    const path = live === undefined ? undefined : pathOfLeg(live.spec, one);
    const isDelayed = one.state === 'waiting' && one.readyAt > clock.now();
    if (live === undefined || path === undefined || one.state === 'ended' || isDelayed) continue;
    const { organization } = live;
    const place = waitOf({ organization, line: lineOf(path), jobId, leg: one.id });
    if (place === null) continue;
    const { position, ...stop } = place;
    const common = { jobId, at: clock.now() };
    const waiting: JobNotice = { ...common, type: 'waiting', ...stop };
    return position === null ? [waiting] : [waiting, { ...common, type: 'position', position }];
  }
  return [];
}
