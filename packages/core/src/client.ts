import type { JobView } from './protocol/job.ts';
import { LIMITS } from './protocol/limits.ts';
import type { Plan } from './protocol/plan.ts';
import { clientClosed, EZThrottleError, NetworkError, TimeoutError } from './errors.ts';
import { CLIENT_CHECKS, type EZThrottleOptions } from './client-options.ts';
import { connect, withoutSlash, type Connection } from './connection.ts';
import { startDeadline } from './http/deadline.ts';
import { proxyDetour } from './http/proxy-envelope.ts';
import { abortReason } from './http/runtime.ts';
import { streamJob, type JobEvents, type StreamJobOptions } from './realtime/stream-job.ts';
import type { CallOptions } from './resources/call-options.ts';
import { Jobs, type WaitOptions } from './resources/jobs.ts';
import { Limits } from './resources/limits.ts';
import type { BatchAnswer, SubmitAnswer } from './resources/submit-jobs.ts';
import {
  WebhookSecrets,
  type WebhookSecretsReply,
  type WebhookSecretsView,
} from './resources/webhook-secrets.ts';
import { compile } from './step/compile.ts';
import { continuationRunner, type ContinuationRunnerOptions } from './step/continuation-run.ts';
import { ContinuationSealer } from './step/continuation-seal.ts';
import { jobRequest, urlJobRequest, type SubmitJobOptions } from './step/job-options.ts';
import { PlanRunner } from './step/run-plan.ts';
import type { ExecuteOptions, StepBuilder, StepClient } from './step/step-builder.ts';
import type { StepResult } from './step/step-result.ts';
import type { ContinuationRunner } from './webhooks/continuation-runner.ts';

/** A call of the user's own, as `request` makes it. */
export interface DirectRequest extends CallOptions {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** A job with one webhook, as older versions took it. */
export interface QueueRequestOptions extends Omit<SubmitJobOptions, 'webhooks'> {
  readonly webhookUrl?: string;
}

export interface QueueAndWaitOptions extends QueueRequestOptions, WaitOptions {}

export interface ForwardOrFallbackOptions extends CallOptions {
  /** Statuses of the server's that count as out of reach, too, for example 502, 503, 504. */
  readonly onStatus?: readonly number[];
}

/**
 * The client of an EZThrottle server.
 *
 * @example
 * const client = new EZThrottle({ apiKey: 'your_api_key' });
 * const job = await client.submitJob({ url: 'https://api.example.com', method: 'POST' });
 */
export class EZThrottle implements StepClient, AsyncDisposable {
  readonly jobs: Jobs;
  readonly limits: Limits;
  readonly webhookSecrets: WebhookSecrets;
  readonly #options: EZThrottleOptions;
  readonly #connection: Connection;
  readonly #sealer: ContinuationSealer;
  readonly #plans: PlanRunner;

  /** Throws `ConfigurationError` without an API key, or naming every option that is wrong. */
  constructor(options: EZThrottleOptions = {}) {
    const { tracktagsUrl } = options;
    this.#options = options;
    this.#connection = connect(options, CLIENT_CHECKS, (apiKey) =>
      tracktagsUrl === undefined ? null : proxyDetour(withoutSlash(tracktagsUrl), apiKey),
    );
    const { transport, runtime } = this.#connection;
    this.jobs = new Jobs(transport, runtime);
    this.limits = new Limits(transport);
    this.webhookSecrets = new WebhookSecrets(transport);
    this.#sealer = new ContinuationSealer(options);
    this.#plans = new PlanRunner({
      runtime,
      sealer: this.#sealer,
      submit: (job, signal) => this.jobs.submit(job, { signal }),
      onChildError: (error, edge) => options.onChildError?.(error, edge),
      maxResponseBytes: options.maxResponseBytes ?? LIMITS.responseBytes,
      networkErrorTriggersFallback: options.networkErrorTriggersFallback ?? true,
      retryFallbacksRemotely: options.retryFallbacksRemotely ?? false,
    });
  }

  /** Runs a step; `step.execute()` is the same. */
  async execute(step: StepBuilder, options: ExecuteOptions = {}): Promise<StepResult> {
    const plan = this.compile(step);
    const run = this.#connection.running.begin(options.signal);
    try {
      const result = await this.#plans.run(plan, { signal: run.signal, key: null });
      if (result.kind === 'local') void result.children.then(run.end);
      else run.end();
      return result;
    } catch (error) {
      // Steps that follow the failure may run on.
      void this.settled().then(run.end);
      throw error;
    }
  }

  /** The plan that `execute` would run. Throws `StepValidationError` with everything that is wrong. */
  compile(step: StepBuilder): Plan {
    const { continueAt } = this.#options;
    return compile(step, {
      createId: () => this.#connection.runtime.createId(),
      canSeal: this.#sealer.canSeal,
      ...(continueAt === undefined ? {} : { continueAt }),
    });
  }

  /** Settled when no step that followed another runs here any more; never rejects. */
  async settled(): Promise<void> {
    await this.#plans.settled();
  }

  /**
   * Ends what runs here, steps that followed others included, with an error whose code is `closed`, and
   * waits for it; every later call ends so, too. `settled()` before it lets the steps finish first.
   */
  async close(): Promise<void> {
    this.#connection.running.close(clientClosed());
    await this.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Carries on with what follows jobs: give it to a receiver as `continuations`. */
  continuations(options: ContinuationRunnerOptions = {}): ContinuationRunner {
    const { onChildError } = this.#options;
    const onError =
      onChildError === undefined
        ? null
        : (error: unknown): unknown => onChildError(error, 'continuation');
    return continuationRunner({ sealer: this.#sealer, plans: this.#plans, onError }, options);
  }

  /** Submits a job; every field in camelCase or snake_case. */
  async submitJob(options: SubmitJobOptions, call: CallOptions = {}): Promise<SubmitAnswer> {
    return this.jobs.submit(urlJobRequest(options), call);
  }

  /**
   * Submits up to 1,000 jobs in one request. The answers stand in the order of the jobs; one that is
   * refused does not touch the others. Throws `NotFoundError` where the server takes no batches.
   */
  async submitJobs(
    jobs: readonly SubmitJobOptions[],
    call: CallOptions = {},
  ): Promise<readonly BatchAnswer[]> {
    return this.jobs.submitBatch(jobs.map(jobRequest), call);
  }

  /** @deprecated Use `submitJob`. */
  async queueRequest(options: QueueRequestOptions, call: CallOptions = {}): Promise<SubmitAnswer> {
    const { webhookUrl, ...job } = options;
    const webhooks = webhookUrl === undefined ? [] : [{ url: webhookUrl, has_quorum_vote: true }];
    return this.submitJob({ ...job, webhooks }, call);
  }

  /** Submits and waits until the job has ended. Throws `TimeoutError` when it takes too long. */
  async queueAndWait(options: QueueAndWaitOptions): Promise<JobView> {
    const { timeout, pollInterval, signal, ...job } = options;
    const { job_id } = await this.queueRequest(job, { signal });
    return this.wait(job_id, { timeout, pollInterval, signal });
  }

  /** Waits until a job has ended. Throws `TimeoutError` when it takes too long. */
  async wait(jobId: string, options: WaitOptions = {}): Promise<JobView> {
    return this.jobs.wait(jobId, options);
  }

  /**
   * What has happened to a job, then what happens, until its end. A connection that breaks is made anew
   * and goes on after the last event. Throws what the server refuses with, such as `NotFoundError`, and
   * the last failure when the server stays out of reach.
   *
   * @example
   * for await (const event of client.stream(jobId)) console.log(event.type);
   */
  stream(jobId: string, options: StreamJobOptions = {}): JobEvents {
    return streamJob(this.jobs, this.#connection.runtime, jobId, options);
  }

  /** One call straight to its target, once, past the server. */
  async request(options: DirectRequest): Promise<Response> {
    const { url, method = 'GET', headers, body } = options;
    const { running, runtime } = this.#connection;
    const timeoutMs = options.timeout ?? this.#connection.timeoutMs;
    const { signal, end } = running.begin(options.signal);
    const deadline = startDeadline(runtime, timeoutMs, signal);
    const init = { method, headers: { ...headers }, signal: deadline.signal };
    try {
      return await runtime.fetch(url, body === undefined ? init : { ...init, body });
    } catch (error) {
      if (signal.aborted) throw abortReason(signal);
      throw deadline.isOver()
        ? new TimeoutError(`The target did not answer within ${timeoutMs} ms`)
        : new NetworkError('The target could not be reached', { cause: error });
    } finally {
      end();
      deadline.clear();
    }
  }

  /**
   * Submits the job, or calls `fallback` when the server is out of reach, so that it is a layer more
   * and not one more thing that can fail. Refusals of the server's, 429 among them, are thrown.
   */
  async forwardOrFallback<T>(
    fallback: () => Promise<T>,
    options: SubmitJobOptions,
    { onStatus = [], ...call }: ForwardOrFallbackOptions = {},
  ): Promise<SubmitAnswer | T> {
    try {
      return await this.submitJob(options, call);
    } catch (error) {
      if (!(error instanceof EZThrottleError)) throw error;
      // No answer, none in time, or a circuit that is open.
      const isOutOfReach =
        error.status === null ? error.retryable : onStatus.includes(error.status);
      if (isOutOfReach) return fallback();
      throw error;
    }
  }

  /** The same as `webhookSecrets.create`. */
  async createWebhookSecret(
    primary: string,
    secondary?: string,
    call: CallOptions = {},
  ): Promise<WebhookSecretsReply> {
    return this.webhookSecrets.create(primary, secondary, call);
  }

  /** The same as `webhookSecrets.get`. */
  async getWebhookSecret(call: CallOptions = {}): Promise<WebhookSecretsView> {
    return this.webhookSecrets.get(call);
  }

  /** The same as `webhookSecrets.delete`. */
  async deleteWebhookSecret(call: CallOptions = {}): Promise<WebhookSecretsReply> {
    return this.webhookSecrets.delete(call);
  }

  /** The same as `webhookSecrets.rotate`. */
  async rotateWebhookSecret(
    newSecret: string,
    call: CallOptions = {},
  ): Promise<WebhookSecretsReply> {
    return this.webhookSecrets.rotate(newSecret, call);
  }
}

/** The runner of a client's continuations; the same as `client.continuations(options)`. */
export function createContinuationRunner(
  client: Pick<EZThrottle, 'continuations'>,
  options: ContinuationRunnerOptions = {},
): ContinuationRunner {
  return client.continuations(options);
}
