import {
  isFinalState,
  type JobPage,
  type JobRequest,
  type JobState,
  type JobStatus,
  type JobSummaryView,
  type JobView,
} from '../protocol/job.ts';
import { NotFoundError, TimeoutError } from '../errors.ts';
import { startDeadline } from '../http/deadline.ts';
import { streamText } from '../http/event-stream.ts';
import { isObject } from '../http/json.ts';
import { sleep, type Runtime } from '../http/runtime.ts';
import type { Transport } from '../http/transport.ts';
import { callLimits, type CallOptions } from './call-options.ts';
import { checkedAnswer, unexpectedAnswer } from './checked-answer.ts';
import {
  JOBS_PATH,
  submitBatch,
  submitJob,
  type BatchAnswer,
  type SubmitAnswer,
} from './submit-jobs.ts';

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

export interface WaitOptions {
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Until the job has ended, in milliseconds. Default 300 000. */
  readonly timeout?: number | undefined;
  /** Time between two looks where the server has no event stream, in milliseconds. Default 2 000. */
  readonly pollInterval?: number | undefined;
}

export interface CancelReply {
  readonly job_id: string;
  readonly status: string;
}

/** Jobs of the organization, newest first; pages are fetched as they are needed. */
export interface JobListing extends AsyncIterable<JobSummaryView> {
  pages(): AsyncIterable<JobPage>;
  /** The first page alone. */
  page(): Promise<JobPage>;
}

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
    return submitJob(this.#transport, job, options);
  }

  /** Hands over several jobs in their canonical spelling; answers in their order. */
  async submitBatch(
    jobs: readonly JobRequest[],
    options: CallOptions = {},
  ): Promise<readonly BatchAnswer[]> {
    return submitBatch(this.#transport, jobs, options);
  }

  /** Throws `NotFoundError` when there is no such job in this organization. */
  async get(jobId: string, options: CallOptions = {}): Promise<JobView> {
    const job = await this.#transport.send({
      method: 'GET',
      path: pathOf(jobId),
      ...callLimits(options),
    });
    return checkedAnswer<JobView>(job, 'a job', ['job_id', 'status']);
  }

  /**
   * @example
   * for await (const job of client.jobs.list({ status: 'failed' })) console.log(job.job_id);
   */
  list(options: ListJobsOptions = {}): JobListing {
    const page = (cursor?: string): Promise<JobPage> => this.#page(options, cursor);
    async function* pages(): AsyncGenerator<JobPage> {
      for (let cursor = options.cursor; ; ) {
        const current = await page(cursor);
        yield current;
        if (current.next_cursor === null) return;
        cursor = current.next_cursor;
      }
    }
    return {
      pages,
      page: () => page(options.cursor),
      async *[Symbol.asyncIterator]() {
        for await (const current of pages()) yield* current.jobs;
      },
    };
  }

  /**
   * Stops a job that has not ended. It is delivered as `failed`, and nothing follows it.
   * Throws `ConflictError` when it has ended otherwise already.
   */
  async cancel(jobId: string, options: CallOptions = {}): Promise<CancelReply> {
    const reply = await this.#transport.send({
      method: 'DELETE',
      path: pathOf(jobId),
      ...callLimits(options),
    });
    return checkedAnswer<CancelReply>(reply, 'a reply to a cancel', ['job_id']);
  }

  /**
   * Waits until the job has ended: told by the server's event stream, or by looking at it now and then
   * where there is none. Throws `TimeoutError` when it takes too long.
   */
  async wait(jobId: string, options: WaitOptions = {}): Promise<JobView> {
    const { timeout = 300_000, pollInterval = 2_000, signal } = options;
    const deadline = startDeadline(this.#runtime, timeout, signal);
    let canWatch = true;
    let hasWatched = false;
    try {
      for (;;) {
        const job = await this.get(jobId, { signal });
        if (hasEnded(job)) return job;
        if (deadline.isOver()) {
          throw new TimeoutError(`The job ${jobId} did not end within ${timeout} ms`, {
            code: 'wait_timeout',
          });
        }
        // A stream that ends without the job's end is not opened again at once.
        hasWatched = canWatch && !hasWatched;
        try {
          if (hasWatched) await this.#untilStreamEnds(jobId, deadline.signal);
          else await sleep(this.#runtime, pollInterval, deadline.signal);
        } catch (error) {
          if (deadline.signal.aborted && !deadline.isOver()) throw error;
          canWatch = false;
        }
      }
    } finally {
      deadline.clear();
    }
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
      path: `${pathOf(jobId)}/stream`,
      ...callLimits(options),
      headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
    });
  }

  async #untilStreamEnds(jobId: string, signal: AbortSignal): Promise<void> {
    // What it says does not matter: the server ends it with the job.
    for await (const _ of this.streamText(jobId, { signal }));
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

function pathOf(jobId: string): string {
  // An empty id would ask for the list, and cancel nothing.
  if (jobId === '') throw new NotFoundError('A job id is needed, and this one is empty');
  return `${JOBS_PATH}/${encodeURIComponent(jobId)}`;
}

/** Words for an end in the dialects of other servers, too. */
const END_WORDS: ReadonlySet<string> = new Set(['success', 'completed', 'failed', 'cancelled']);

function hasEnded(job: Pick<JobView, 'status'> & { readonly state?: JobState }): boolean {
  return job.state === undefined ? END_WORDS.has(job.status) : isFinalState(job.state);
}

function isJobPage(value: unknown): value is JobPage {
  if (!isObject(value) || !Array.isArray(value['jobs'])) return false;
  return value['next_cursor'] === null || typeof value['next_cursor'] === 'string';
}
