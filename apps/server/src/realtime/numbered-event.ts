import {
  dispatchingNumber,
  type JobEnd,
  retryingNumber,
  type TimelineEvent,
} from '@ezthrottle/engine';
import type { JobNotice } from './job-event.ts';

/** A live notice as an event of the timeline; null for what is only told to those present, and for the end. */
export function numberedEvent(notice: JobNotice): TimelineEvent | null {
  switch (notice.type) {
    case 'dispatching':
      return {
        number: dispatchingNumber(notice.attempt),
        at: notice.at,
        type: 'dispatching',
        data: { attempt: notice.attempt, path: notice.path, region: notice.region },
      };
    case 'retrying':
      return {
        number: retryingNumber(notice.attempt),
        at: notice.at,
        type: 'retrying',
        data: {
          attempt: notice.attempt,
          reason: notice.reason,
          status_code: notice.statusCode,
          retry_at: notice.retryAt,
        },
      };
    default:
      return null;
  }
}

/** Names of the end, as the stream says them. */
export function isEndType(type: JobNotice['type']): type is JobEnd['state'] {
  return type === 'completed' || type === 'failed' || type === 'cancelled';
}
