import { isFinalState, type JobRequest, type JobState, type JobView } from '../protocol/job.ts';
import { CircuitOpenError, EZThrottleError, TimeoutError } from '../errors.ts';
import { startDeadline, type Deadline } from '../http/deadline.ts';
import { sleep, type Runtime } from '../http/runtime.ts';
import type { CallOptions } from './call-options.ts';
import { refuseWrongArguments } from './argument-checks.ts';
import type { SubmitAnswer } from './submit-jobs.ts';
import { findOptionProblems, wantAtLeast, wantSignal } from '../option-checks.ts';

export interface WaitOptions {
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Until the job has ended, in milliseconds. Default 300 000. */
  readonly timeout?: number | undefined;
  /**
   * Time between two looks where the server has no event stream or is out of reach, in milliseconds.
   * Default 2 000.
   */
  readonly pollInterval?: number | undefined;
}

/** What a wait asks of the jobs of a client. */
interface WatchedJobs {
  submit(job: JobRequest, options: CallOptions): Promise<SubmitAnswer>;
  get(jobId: string, options: CallOptions): Promise<JobView>;
  streamText(jobId: string, options: CallOptions): AsyncIterable<string>;
}

const CHECKS = { signal: wantSignal, timeout: wantAtLeast(1), pollInterval: wantAtLeast(0) };

/** See `client.wait`. */
export async function waitForJob(
  jobs: WatchedJobs,
  runtime: Runtime,
  jobId: string,
  options: WaitOptions,
): Promise<JobView> {
  return patiently(runtime, options, (wait) => untilEnd(jobs, jobId, wait));
}

/** See `client.queueAndWait`: the time is for both. */
export async function submitAndWait(
  jobs: WatchedJobs,
  runtime: Runtime,
  job: JobRequest,
  options: WaitOptions,
): Promise<JobView> {
  return patiently(runtime, options, async (wait) => {
    // Repeatable: the server recognises a job that it has taken already.
    const { job_id: jobId } = await wait.untilAnswered(() => jobs.submit(job, wait));
    return untilEnd(jobs, jobId, wait);
  });
}

async function patiently<T>(
  runtime: Runtime,
  options: WaitOptions,
  work: (wait: Wait) => Promise<T>,
): Promise<T> {
  refuseWrongArguments(findOptionProblems(options, CHECKS));
  const wait = new Wait(runtime, options);
  try {
    return await work(wait);
  } catch (error) {
    throw wait.isOver ? wait.timeoutError() : error;
  } finally {
    wait.clear();
  }
}

async function untilEnd(jobs: WatchedJobs, jobId: string, wait: Wait): Promise<JobView> {
  let canWatch = true;
  let hasWatched = false;
  for (;;) {
    const job = await wait.untilAnswered(() => jobs.get(jobId, wait));
    if (hasEnded(job)) return job;
    // A stream that ends without the job's end is not opened again at once.
    hasWatched = canWatch && !hasWatched;
    if (!hasWatched) {
      await wait.pause();
      continue;
    }
    try {
      // What it says does not matter: the server ends it with the job.
      for await (const _ of jobs.streamText(jobId, wait));
    } catch (error) {
      wait.throwIfDone(error);
      canWatch = error instanceof EZThrottleError && error.retryable;
    }
  }
}

/** The time of one wait, and what went wrong in it and may pass. */
class Wait {
  readonly signal: AbortSignal;
  readonly #runtime: Runtime;
  readonly #deadline: Deadline;
  readonly #pollMs: number;
  #lastFailure: unknown;

  constructor(runtime: Runtime, { timeout = 300_000, pollInterval = 2_000, signal }: WaitOptions) {
    this.#runtime = runtime;
    this.#deadline = startDeadline(runtime, timeout, signal);
    this.#pollMs = pollInterval;
    this.signal = this.#deadline.signal;
  }

  get isOver(): boolean {
    return this.#deadline.isOver();
  }

  /** Makes the call until the server answers. Throws what no repeat would cure. */
  async untilAnswered<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        this.throwIfDone(error);
        if (!(error instanceof EZThrottleError) || !error.retryable) throw error;
        // How the server answered says more than that it is left alone since.
        if (!(error instanceof CircuitOpenError)) this.#lastFailure = error;
        this.#lastFailure ??= error;
        await this.pause(error.retryAt);
      }
    }
  }

  /** Until the next look, or until the moment that the server has named if that is later. */
  async pause(retryAt: number | null = null): Promise<void> {
    const asked = retryAt === null ? 0 : retryAt - this.#runtime.now();
    await sleep(this.#runtime, Math.max(this.#pollMs, asked), this.signal);
  }

  throwIfDone(error: unknown): void {
    if (this.signal.aborted) throw error;
  }

  timeoutError(): TimeoutError {
    const message = `The job did not end within ${this.#deadline.limitMs()} ms`;
    return new TimeoutError(message, { code: 'wait_timeout', cause: this.#lastFailure });
  }

  clear(): void {
    this.#deadline.clear();
  }
}

/** Words for an end in the dialects of other servers, too. */
const END_WORDS: ReadonlySet<string> = new Set(['success', 'completed', 'failed', 'cancelled']);

function hasEnded(job: Pick<JobView, 'status'> & { readonly state?: JobState }): boolean {
  return job.state === undefined ? END_WORDS.has(job.status) : isFinalState(job.state);
}
