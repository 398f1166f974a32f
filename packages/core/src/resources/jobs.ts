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
import { NotFoundError, TimeoutError, type EZThrottleError } from '../errors.ts';
import { answerError } from '../http/answer-error.ts';
import { startDeadline } from '../http/deadline.ts';
import { isObject, type JsonRecord } from '../http/json.ts';
import { sleep, type Runtime } from '../http/runtime.ts';
import type { Transport } from '../http/transport.ts';
import { checkedAnswer, unexpectedAnswer } from './checked-answer.ts';

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
  /** Time between two looks where the server has no event stream, in milliseconds. Default 2 000. */
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

/** What became of one job of a batch. */
export type BatchAnswer =
  | { readonly ok: true; readonly job: SubmitAnswer }
  | { readonly ok: false; readonly error: EZThrottleError };

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
    return submitAnswer(reply);
  }

  /** Hands over several jobs in their canonical spelling; answers in their order. */
  async submitBatch(
    jobs: readonly JobRequest[],
    options: CallOptions = {},
  ): Promise<readonly BatchAnswer[]> {
    if (jobs.length === 0) return [];
    const reply = await this.#transport.send({
      method: 'POST',
      path: `${PATH}/batch`,
      body: { jobs },
      signal: options.signal,
    });
    const results: unknown = isObject(reply) ? reply['results'] : null;
    if (!Array.isArray(results) || results.length !== jobs.length) {
      throw unexpectedAnswer('a reply to a batch');
    }
    const items: readonly unknown[] = results;
    return items.map((item) => batchAnswer(item, this.#runtime.now()));
  }

  /** Throws `NotFoundError` when there is no such job in this organization. */
  async get(jobId: string, options: CallOptions = {}): Promise<JobView> {
    const job = await this.#transport.send({
      method: 'GET',
      path: pathOf(jobId),
      signal: options.signal,
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
   * Throws `ConflictError` when it has ended already.
   */
  async cancel(jobId: string, options: CallOptions = {}): Promise<CancelReply> {
    const reply = await this.#transport.send({
      method: 'DELETE',
      path: pathOf(jobId),
      signal: options.signal,
    });
    return checkedAnswer<CancelReply>(reply, 'a reply to a cancel', ['job_id']);
  }

  /**
   * Waits until the job has ended: told by the server's event stream, or by looking at it now and then
   * where there is none. Throws `TimeoutError` when it takes too long.
   */
  async wait(jobId: string, options: WaitOptions = {}): Promise<JobView> {
    const { timeoutMs = 300_000, pollIntervalMs = 2_000, signal } = options;
    const deadline = startDeadline(this.#runtime, timeoutMs, signal);
    let canWatch = true;
    let hasWatched = false;
    try {
      for (;;) {
        const job = await this.get(jobId, signal === undefined ? {} : { signal });
        if (hasEnded(job)) return job;
        if (deadline.isOver()) {
          throw new TimeoutError(`The job ${jobId} did not end within ${timeoutMs} ms`, {
            code: 'wait_timeout',
          });
        }
        // A stream that ends without the job's end is not opened again at once.
        hasWatched = canWatch && !hasWatched;
        try {
          if (hasWatched) await this.#untilStreamEnds(jobId, deadline.signal);
          else await sleep(this.#runtime, pollIntervalMs, deadline.signal);
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
   * `@ezthrottle/core/realtime` makes events of it.
   */
  streamText(
    jobId: string,
    { signal, lastEventId }: CallOptions & { readonly lastEventId?: string } = {},
  ): AsyncIterable<string> {
    return this.#transport.stream({
      method: 'GET',
      path: `${pathOf(jobId)}/stream`,
      signal,
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

function submitAnswer(reply: unknown): SubmitAnswer {
  const { status = 'queued', ...rest } = checkedAnswer<
    Omit<SubmitAnswer, 'status'> & Partial<SubmitAnswer>
  >(reply, 'a reply to a submit', ['job_id']);
  return { ...rest, status };
}

function batchAnswer(item: unknown, now: number): BatchAnswer {
  const { status_code: status, body: json }: JsonRecord = isObject(item) ? item : {};
  if (typeof status !== 'number') throw unexpectedAnswer('a reply to a batch');
  if (status < 300) return { ok: true, job: submitAnswer(json) };
  const answer = { status, headers: new Headers(), text: '', json };
  return { ok: false, error: answerError(answer, now, null) };
}

function isJobPage(value: unknown): value is JobPage {
  if (!isObject(value) || !Array.isArray(value['jobs'])) return false;
  return value['next_cursor'] === null || typeof value['next_cursor'] === 'string';
}
