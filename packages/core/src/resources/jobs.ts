import {
  type JobPage,
  type JobRequest,
  type JobState,
  type JobStatus,
  type JobSummaryView,
  type JobView,
} from '../protocol/job.ts';
import { NotFoundError } from '../errors.ts';
import { streamText } from '../http/event-stream.ts';
import { isObject } from '../http/json.ts';
import type { Runtime } from '../http/runtime.ts';
import type { Transport } from '../http/transport.ts';
import { wantText } from '../option-checks.ts';
import { callLimits, type CallOptions } from './call-options.ts';
import { refuseWrongArguments } from './argument-checks.ts';
import { checkedAnswer, unexpectedAnswer } from './checked-answer.ts';
import { pagedListing, type PagedListing } from './pages.ts';
import { submitBatch, type BatchAnswer } from './submit-batch.ts';
import { JOBS_PATH, submitJob, type SubmitAnswer } from './submit-jobs.ts';
import { waitForJob, type WaitOptions } from './wait-for-job.ts';

export interface ListJobsOptions extends CallOptions {
  readonly state?: JobState | readonly JobState[];
  readonly status?: JobStatus | readonly JobStatus[];
  readonly tag?: string;
  readonly idempotentKey?: string;
  /** Jobs of one page. Default 50, at most 100. */
  readonly limit?: number;
  /** `next_cursor` of an earlier page. */
  readonly cursor?: string;
}

export interface CancelReply {
  readonly job_id: string;
  readonly status: string;
}

/** Jobs of the organization, newest first; pages are fetched as they are needed. */
export type JobListing = PagedListing<JobPage, JobSummaryView>;

/** `client.jobs`. */
export class Jobs {
  readonly #transport: Transport;
  readonly #runtime: Runtime;

  constructor(transport: Transport, runtime: Runtime) {
    this.#transport = transport;
    this.#runtime = runtime;
  }

  /** Hands over a job in its canonical spelling. */
  async submit(job: JobRequest, options: CallOptions = {}): Promise<SubmitAnswer> {
    return submitJob(this.#transport, job, callLimits(options));
  }

  /** Hands over several jobs in their canonical spelling; answers in their order. */
  async submitBatch(
    jobs: readonly JobRequest[],
    options: CallOptions = {},
  ): Promise<readonly BatchAnswer[]> {
    return submitBatch(this.#transport, jobs, (job) => job, options);
  }

  /** Throws `NotFoundError` when there is no such job in this organization. */
  async get(jobId: string, options: CallOptions = {}): Promise<JobView> {
    const job = await this.#transport.send({
      method: 'GET',
      path: jobPath(jobId),
      ...callLimits(options),
    });
    return checkedAnswer<JobView>(job, 'a job', ['job_id', 'status']);
  }

  /**
   * @example
   * for await (const job of client.jobs.list({ status: 'failed' })) console.log(job.job_id);
   */
  list(options: ListJobsOptions = {}): JobListing {
    return pagedListing(
      (cursor) => this.#page(options, cursor),
      options.cursor,
      ({ jobs }) => jobs,
    );
  }

  /**
   * Stops a job that has not ended. It is delivered as `failed`, and nothing follows it.
   * Throws `ConflictError` when it has ended otherwise already.
   */
  async cancel(jobId: string, options: CallOptions = {}): Promise<CancelReply> {
    const reply = await this.#transport.send({
      method: 'DELETE',
      path: jobPath(jobId),
      ...callLimits(options),
    });
    return checkedAnswer<CancelReply>(reply, 'a reply to a cancel', ['job_id']);
  }

  /**
   * Waits until the job has ended: told by the server's event stream, or by looking at it now and then
   * where there is none. A server that is out of reach meanwhile is waited for as well. Throws
   * `TimeoutError` with the code `wait_timeout` when it takes too long, its `cause` the last failure,
   * and at once what no repeat would cure, such as `NotFoundError`.
   */
  async wait(jobId: string, options: WaitOptions = {}): Promise<JobView> {
    return waitForJob(this, this.#runtime, jobId, options);
  }

  /**
   * The job's event stream as text, as the server sends it, from after `lastEventId` on;
   * `client.stream` makes events of it.
   */
  streamText(
    jobId: string,
    { lastEventId, ...options }: CallOptions & { readonly lastEventId?: string | undefined } = {},
  ): AsyncIterable<string> {
    return streamText(this.#transport, {
      method: 'GET',
      path: `${jobPath(jobId)}/stream`,
      ...callLimits(options),
      headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
    });
  }

  async #page(options: ListJobsOptions, cursor: string | undefined): Promise<JobPage> {
    const { state, status, tag, idempotentKey: idempotent_key, limit } = options;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({
      state,
      status,
      tag,
      idempotent_key,
      limit,
      cursor,
    })) {
      if (value !== undefined) query.set(name, String(value));
    }
    const text = query.toString();
    const page = await this.#transport.send({
      method: 'GET',
      path: text === '' ? JOBS_PATH : `${JOBS_PATH}?${text}`,
      ...callLimits(options),
    });
    if (!isJobPage(page)) throw unexpectedAnswer('a page of jobs');
    return page;
  }
}

/** Address of a job. */
export function jobPath(jobId: string): string {
  refuseWrongArguments(wantText(jobId ?? null, 'jobId'));
  // An empty id would ask for the list, and cancel nothing.
  if (jobId === '') throw new NotFoundError('A job id is needed, and this one is empty');
  return `${JOBS_PATH}/${encodeURIComponent(jobId)}`;
}

function isJobPage(value: unknown): value is JobPage {
  if (!isObject(value) || !Array.isArray(value['jobs'])) return false;
  return value['next_cursor'] === null || typeof value['next_cursor'] === 'string';
}
