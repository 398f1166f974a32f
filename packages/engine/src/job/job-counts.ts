import type { JobState } from '@ezthrottle/core/protocol';

/** A count of nothing in every state, to be filled. */
export function noJobs(): Record<JobState, number> {
  return {
    pending: 0,
    scheduled: 0,
    processing: 0,
    completed: 0,
    failed: 0,
    deadletter: 0,
    cancelled: 0,
  };
}
