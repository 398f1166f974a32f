import type { Id } from '@ezthrottle/engine';
import type { JobNotice, JobNotices } from './job-event.ts';

export type NoticeListener = (notice: JobNotice) => void;

/** Tells those who watch a job what happens to it. */
export interface JobEventHub extends JobNotices {
  /** Null when as many are watching as the hub allows. The returned function ends the watch. */
  subscribe(jobId: Id, listener: NoticeListener): (() => void) | null;
  readonly watchers: number;
}

/**
 * Hands each notice to the watchers of its job, in this process, at once. A listener that throws
 * disturbs nobody.
 *
 * @param maxWatchers watches at one time over all jobs.
 */
export function createJobEventHub(maxWatchers: number): JobEventHub {
  const listeners = new Map<Id, Set<NoticeListener>>();
  let watchers = 0;

  return {
    get watchers() {
      return watchers;
    },
    isWatched: (jobId) => listeners.has(jobId),
    publish(notice) {
      for (const listener of listeners.get(notice.jobId) ?? []) {
        try {
          listener(notice);
        } catch {
          // Telling never fails: what the listener broke is its own.
        }
      }
    },
    subscribe(jobId, listener) {
      if (watchers >= maxWatchers) return null;
      const own: NoticeListener = (notice) => listener(notice);
      const ofJob = listeners.get(jobId) ?? new Set();
      listeners.set(jobId, ofJob.add(own));
      watchers += 1;
      return () => {
        if (!ofJob.delete(own)) return;
        watchers -= 1;
        if (ofJob.size === 0) listeners.delete(jobId);
      };
    },
  };
}
