import type { Admission } from '@ezthrottle/engine';
import type { JobNotice } from '../realtime/job-event.ts';
import { type Destination, pacedNow } from './destination.ts';
import type { DispatcherParts } from './dispatch-ports.ts';

/** Watchers are told at most this often that they wait, in milliseconds. */
const TELL_EVERY_MS = 500;
/** Jobs that are looked through for watchers. */
const LOOK_AT_MOST = 256;

type Wait = Extract<Admission, { readonly verdict: 'wait' }>;
type WaitingNotice = Extract<JobNotice, { readonly type: 'waiting' }>;

/** Tells those who watch a job at this destination what it waits for. */
export function tellWaiting(
  destination: Destination,
  wait: Wait | null,
  { clock, notices }: Pick<DispatcherParts, 'clock' | 'notices'>,
): void {
  const now = clock.monotonic();
  const { armed, arming, line } = destination;
  const pace = pacedNow(destination);
  const isPaused = pace.pausedUntil !== null && pace.pausedUntil > now;
  // The first in line is armed at once when nobody is before it: it waits for none.
  const isFirstNext = armed.length === 0 && arming === 0 && !isPaused;
  const waiting = armed.length + line.size - (isFirstNext ? 1 : 0);
  if (waiting <= 0 || now - destination.toldAt < TELL_EVERY_MS) return;
  destination.toldAt = now;
  const at = clock.now();
  const tell = (jobId: string, reason: WaitingNotice['reason'], until: number | null): void => {
    if (!notices.isWatched(jobId)) return;
    notices.publish({ jobId, at, type: 'waiting', key: destination.origin, reason, until });
  };
  const next = destination.armed[0];
  if (next !== undefined && wait !== null) {
    const until = wait.until === null ? null : Math.ceil(at + wait.until - now);
    tell(next.jobId, wait.reason, until);
  }
  for (const { jobId } of destination.armed.slice(1)) tell(jobId, 'behind_others', null);
  let looked = 0;
  for (const { jobId } of destination.line.entries()) {
    looked += 1;
    if (looked > LOOK_AT_MOST) return;
    if (looked > 1 || !isFirstNext) tell(jobId, 'behind_others', null);
  }
}
