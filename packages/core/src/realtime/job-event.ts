import type { EventSourceMessage } from 'eventsource-parser';
import type { JobState, JobStatus, ResultView } from '../protocol/job.ts';
import { isObject, parseJson, type JsonRecord } from '../http/json.ts';

interface EventFields {
  /** Where a later stream can go on; null for what is only told to those present. */
  readonly id: string | null;
  readonly job_id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Something that happened to a job. */
export type JobEvent =
  | (EventFields & { readonly type: 'queued' })
  /** It waits for its destination: `until` is when it may go, null when that is not known. */
  | (EventFields & {
      readonly type: 'waiting';
      readonly key: string;
      readonly reason: string;
      readonly until: number | null;
    })
  /** So many calls of its line go first; told anew when it changes. */
  | (EventFields & { readonly type: 'position'; readonly position: number })
  /** A call goes out; `path` 0 is the job's own, n its n-th fallback. */
  | (EventFields & {
      readonly type: 'dispatching';
      readonly attempt: number;
      readonly path: number;
      readonly region: string;
    })
  | (EventFields & {
      readonly type: 'retrying';
      readonly attempt: number;
      readonly reason: string;
      readonly status_code: number | null;
      readonly retry_at: number;
    })
  | JobEndEvent;

/** The last event of every stream. */
export interface JobEndEvent extends EventFields {
  readonly type: 'completed' | 'failed' | 'cancelled';
  readonly status: JobStatus;
  readonly state: JobState;
  readonly result: ResultView | null;
}

/** Names of events, each with the fields that it has beside the common ones. */
const FIELDS: Readonly<Record<JobEvent['type'], readonly string[]>> = {
  queued: [],
  waiting: ['key', 'reason', 'until'],
  position: ['position'],
  dispatching: ['attempt', 'path', 'region'],
  retrying: ['attempt', 'reason', 'status_code', 'retry_at'],
  completed: ['status', 'state', 'result'],
  failed: ['status', 'state', 'result'],
  cancelled: ['status', 'state', 'result'],
};

/** Null for events that a newer server may have and this version does not know. */
export function jobEventOf({ event, id, data }: EventSourceMessage): JobEvent | null {
  const json = parseJson(data);
  if (!isObject(json)) return null;
  const message = { ...json, type: event, id: id ?? null };
  return isJobEvent(message) ? message : null;
}

export function isEndEvent(event: JobEvent): event is JobEndEvent {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled';
}

function isJobEvent(message: JsonRecord): message is JsonRecord & JobEvent {
  const { type, job_id: jobId, at } = message;
  if (typeof type !== 'string' || !isKnown(type)) return false;
  if (typeof jobId !== 'string' || typeof at !== 'number') return false;
  return FIELDS[type].every((name) => message[name] !== undefined);
}

function isKnown(type: string): type is JobEvent['type'] {
  return Object.hasOwn(FIELDS, type);
}
