import type { FinalJobState, JobState, JobStatus } from './job.ts';

/** A job's state in the words of the native and cloud dialect. `racing`: two or more regions race. */
export function jobStatus(state: JobState, racing: boolean): JobStatus {
  switch (state) {
    case 'pending':
      return racing ? 'racing' : 'queued';
    case 'scheduled':
      return 'queued';
    case 'processing':
      return racing ? 'racing' : 'processing';
    case 'completed':
      return 'success';
    case 'failed':
    case 'deadletter':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
  }
}

/** States that may be shown as this word: what a list filtered by it looks through. */
export function jobStatesOf(status: JobStatus): readonly JobState[] {
  switch (status) {
    case 'queued':
      return ['pending', 'scheduled'];
    case 'racing':
      return ['pending', 'processing'];
    case 'processing':
      return ['processing'];
    case 'success':
      return ['completed'];
    case 'failed':
      return ['failed', 'deadletter'];
    case 'cancelled':
      return ['cancelled'];
  }
}

/** What a delivery says about an ended job; a cancelled one has failed as far as receivers know. */
export function deliveryStatus(state: FinalJobState): 'success' | 'failed' {
  return state === 'completed' ? 'success' : 'failed';
}

/** Words of the self-host dialect (`/jobs`). */
export type SelfHostStatus = 'queued' | 'in_flight' | 'completed' | 'failed';

export function selfHostStatus(state: JobState): SelfHostStatus {
  switch (state) {
    case 'pending':
    case 'scheduled':
      return 'queued';
    case 'processing':
      return 'in_flight';
    case 'completed':
      return 'completed';
    case 'failed':
    case 'deadletter':
    case 'cancelled':
      return 'failed';
  }
}
