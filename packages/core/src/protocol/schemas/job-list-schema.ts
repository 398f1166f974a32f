import type { JobState, JobStatus } from '../job.ts';
import { LIMITS } from '../limits.ts';
import { enumSchema, type JsonSchema, objectSchema } from './json-schema.ts';

/** Query of `GET /api/v1/jobs`. Every value is text, as it stands in the address. */
export interface JobListRequest {
  /** A word of the cloud dialect. */
  readonly status?: JobStatus;
  /** A state by its internal name; narrower than `status`. */
  readonly state?: JobState;
  readonly tag?: string;
  readonly idempotent_key?: string;
  /** `next_cursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100 as digits. Default 50. */
  readonly limit?: string;
}

export const JOB_LIST_SCHEMA: JsonSchema = {
  $id: 'job-list.json',
  ...objectSchema<JobListRequest>(
    {},
    {
      status: enumSchema<JobStatus>({
        queued: true,
        racing: true,
        processing: true,
        success: true,
        failed: true,
        cancelled: true,
      }),
      state: enumSchema<JobState>({
        pending: true,
        scheduled: true,
        processing: true,
        completed: true,
        failed: true,
        deadletter: true,
        cancelled: true,
      }),
      tag: { type: 'string', minLength: 1, maxLength: LIMITS.tagLength },
      idempotent_key: { type: 'string', minLength: 1, maxLength: LIMITS.idempotentKeyLength },
      cursor: { type: 'string', minLength: 1, maxLength: 512 },
      limit: { type: 'string', pattern: '^(?:[1-9][0-9]?|100)$' },
    },
  ),
};
