import type { Clock, Id } from '@ezthrottle/engine';
import type { JobNotice } from '../realtime/job-event.ts';
import type { JobEventHub } from '../realtime/job-event-hub.ts';
import type { PeerNewsWire } from './peer-news.ts';

/** How often a node says which jobs are watched here, and how long the others believe it, in milliseconds. */
const SAY_EVERY_MS = 5_000;
const BELIEVED_MS = 15_000;
/** Jobs that are remembered as watched elsewhere. */
const MOST_WATCHED = 100_000;

/** A hub whose watchers hear what happens at every node. */
export interface SharedHub extends JobEventHub {
  /** Another node says that these jobs are watched there. Gives those of which that is news. */
  watchedElsewhere(jobIds: readonly Id[]): readonly Id[];
  /** Another node tells what has happened. */
  heard(notice: JobNotice): void;
  stop(): void;
}

/**
 * @param local Tells the watchers of this node.
 * @param wire Tells the other nodes.
 */
export function createSharedHub(
  local: JobEventHub,
  wire: Pick<PeerNewsWire, 'notice' | 'watching'>,
  clock: Pick<Clock, 'monotonic' | 'after'>,
): SharedHub {
  const elsewhere = new Map<Id, number>();
  const here = new Map<Id, number>();
  let stopTimer: (() => void) | null = null;

  function isElsewhere(jobId: Id): boolean {
    const until = elsewhere.get(jobId);
    if (until === undefined) return false;
    if (until > clock.monotonic()) return true;
    elsewhere.delete(jobId);
    return false;
  }

  function planSaying(): void {
    stopTimer ??= clock.after(SAY_EVERY_MS, () => {
      stopTimer = null;
      wire.watching(here.keys());
      if (here.size > 0) planSaying();
    });
  }

  return {
    get watchers() {
      return local.watchers;
    },
    isWatched: (jobId) => local.isWatched(jobId) || isElsewhere(jobId),
    publish(notice) {
      local.publish(notice);
      if (elsewhere.size > 0 && isElsewhere(notice.jobId)) wire.notice(notice);
    },
    subscribe(jobId, listener) {
      const leave = local.subscribe(jobId, listener);
      if (leave === null) return null;
      const count = here.get(jobId) ?? 0;
      here.set(jobId, count + 1);
      if (count === 0) wire.watching([jobId]);
      planSaying();
      let hasLeft = false;
      return () => {
        leave();
        if (hasLeft) return;
        hasLeft = true;
        const left = (here.get(jobId) ?? 1) - 1;
        if (left > 0) here.set(jobId, left);
        else here.delete(jobId);
      };
    },
    watchedElsewhere(jobIds) {
      const until = clock.monotonic() + BELIEVED_MS;
      const news = jobIds.filter((id) => !isElsewhere(id));
      for (const id of jobIds) {
        elsewhere.delete(id);
        elsewhere.set(id, until);
      }
      for (const id of elsewhere.keys()) {
        if (elsewhere.size <= MOST_WATCHED) break;
        elsewhere.delete(id);
      }
      return news;
    },
    heard: (notice) => local.publish(notice),
    stop() {
      stopTimer?.();
      stopTimer = null;
    },
  };
}
