import {
  isFinalState,
  type JobPage,
  type JobRequest,
  type JobState,
  type JobStatus,
  type JobSummaryView,
  type JobView,
  type SubmitReply,
} from '../protocol/job.ts';
import { NotFoundError, TimeoutError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import { sleep, type Runtime } from '../http/runtime.ts';
import type { Transport } from '../http/transport.ts';
import { unexpectedAnswer } from './unexpected-answer.ts';

const PATH = '/api/v1/jobs';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

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

export interface WaitOptions extends CallOptions {
  /** Default 300 000. */
  readonly timeoutMs?: number;
  /** Time between two looks, in milliseconds. Default 2 000. */
  readonly pollIntervalMs?: number;
}

export interface CancelReply {
  readonly job_id: string;
  readonly status: string;
}

/** A reply to a submit, as far as every server gives it. */
export interface SubmitAnswer extends Partial<SubmitReply> {
  readonly job_id: string;
  readonly status: JobStatus;
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
    // Repeatable: the server recognises a job that it has taken already.
    const reply = await this.#transport.send({
      method: 'POST',
      path: PATH,
      body: job,
      signal: options.signal,
    });
    if (!isSubmitAnswer(reply)) throw unexpectedAnswer('a reply to a submit');
    return { ...reply, status: reply.status ?? 'queued' };
  }

  /** Throws `NotFoundError` when there is no such job in this organization. */
  async get(jobId: string, options: CallOptions = {}): Promise<JobView> {
    const job = await this.#transport.send({
      method: 'GET',
      path: pathOf(jobId),
      signal: options.signal,
    });
    if (!isJobView(job)) throw unexpectedAnswer('a job');
    return job;
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
   * Throws `ConflictError` when it has ended already.
   */
  async cancel(jobId: string, options: CallOptions = {}): Promise<CancelReply> {
    const reply = await this.#transport.send({
      method: 'DELETE',
      path: pathOf(jobId),
      signal: options.signal,
    });
    if (!isCancelReply(reply)) throw unexpectedAnswer('a reply to a cancel');
    return reply;
  }

  /** Looks at the job until it has ended. Throws `TimeoutError` when it takes too long. */
  async wait(jobId: string, options: WaitOptions = {}): Promise<JobView> {
    const { timeoutMs = 300_000, pollIntervalMs = 2_000, signal } = options;
    const start = this.#runtime.monotonic();
    for (;;) {
      const job = await this.get(jobId, signal === undefined ? {} : { signal });
      if (hasEnded(job)) return job;
      const left = start + timeoutMs - this.#runtime.monotonic();
      if (left <= 0) {
        throw new TimeoutError(`The job ${jobId} did not end within ${timeoutMs} ms`, {
          code: 'wait_timeout',
        });
      }
      await sleep(this.#runtime, Math.min(pollIntervalMs, left), signal);
    }
  }

  async #page(options: ListJobsOptions, cursor: string | undefined): Promise<JobPage> {
    const query = new URLSearchParams();
    const { state, status, tag, idempotentKey, limit } = options;
    if (state !== undefined) query.set('state', String(state));
    if (status !== undefined) query.set('status', String(status));
    if (tag !== undefined) query.set('tag', tag);
    if (idempotentKey !== undefined) query.set('idempotent_key', idempotentKey);
    if (limit !== undefined) query.set('limit', String(limit));
    if (cursor !== undefined) query.set('cursor', cursor);
    const text = query.toString();
    const page = await this.#transport.send({
      method: 'GET',
      path: text === '' ? PATH : `${PATH}?${text}`,
      signal: options.signal,
    });
    if (!isJobPage(page)) throw unexpectedAnswer('a page of jobs');
    return page;
  }
}

function pathOf(jobId: string): string {
  // An empty id would ask for the list, and cancel nothing.
  if (jobId === '') throw new NotFoundError('A job id is needed, and this one is empty');
  return `${PATH}/${encodeURIComponent(jobId)}`;
}

/** Words for an end in the dialects of other servers, too. */
const END_WORDS: ReadonlySet<string> = new Set(['success', 'completed', 'failed', 'cancelled']);

function hasEnded(job: Pick<JobView, 'status'> & { readonly state?: JobState }): boolean {
  return job.state === undefined ? END_WORDS.has(job.status) : isFinalState(job.state);
}

function isSubmitAnswer(
  value: unknown,
): value is Omit<SubmitAnswer, 'status'> & Partial<Pick<SubmitAnswer, 'status'>> {
  return isObject(value) && typeof value['job_id'] === 'string';
}

function isCancelReply(value: unknown): value is CancelReply {
  return isObject(value) && typeof value['job_id'] === 'string';
}

function isJobView(value: unknown): value is JobView {
  return (
    isObject(value) && typeof value['job_id'] === 'string' && typeof value['status'] === 'string'
  );
}

function isJobPage(value: unknown): value is JobPage {
  if (!isObject(value) || !Array.isArray(value['jobs'])) return false;
  return value['next_cursor'] === null || typeof value['next_cursor'] === 'string';
}
