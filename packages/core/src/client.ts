import type { JobView } from './protocol/job.ts';
import { LIMITS } from './protocol/limits.ts';
import type { Plan } from './protocol/plan.ts';
import { clientClosed, EZThrottleError } from './errors.ts';
import { CLIENT_CHECKS, type EZThrottleOptions } from './client-options.ts';
import { connect, withoutSlash, type Connection } from './connection.ts';
import { callDirectly } from './http/direct-call.ts';
import { isObject } from './http/json.ts';
import { proxyDetour } from './http/proxy-envelope.ts';
import { checkUrl } from './protocol/checks.ts';
import { streamJob, type JobEvents, type StreamJobOptions } from './realtime/stream-job.ts';
import { refuseNoStep, refuseWrongArguments } from './resources/argument-checks.ts';
import { callLimits, type CallOptions } from './resources/call-options.ts';
import { Jobs } from './resources/jobs.ts';
import { Limits } from './resources/limits.ts';
import { submitBatch, type BatchAnswer } from './resources/submit-batch.ts';
import type { SubmitAnswer } from './resources/submit-jobs.ts';
import { submitAndWait, type WaitOptions } from './resources/wait-for-job.ts';
import { WebhookEndpoints } from './resources/webhook-endpoints.ts';
import {
  WebhookSecrets,
  type WebhookSecretsReply,
  type WebhookSecretsView,
} from './resources/webhook-secrets.ts';
import { compile } from './step/compile.ts';
import { defined } from './step/defined.ts';
import { continuationRunner, type ContinuationRunnerOptions } from './step/continuation-run.ts';
import { ContinuationSealer } from './step/continuation-seal.ts';
import { jobRequest, urlJobRequest, type SubmitJobOptions } from './step/job-options.ts';
import { PlanRunner } from './step/run-plan.ts';
import type { ExecuteOptions, StepBuilder, StepClient } from './step/step-builder.ts';
import type { StepResult } from './step/step-result.ts';
import type { ContinuationRunner } from './webhooks/continuation-runner.ts';

/** A call of the user's own, as `request` makes it. */
export interface DirectRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Ends the call and the reading of its body: both reject with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Time for answer and body together, in milliseconds. Default: the client's `timeout`. */
  readonly timeout?: number | undefined;
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
  readonly webhookEndpoints: WebhookEndpoints;
  readonly #options: EZThrottleOptions;
  readonly #connection: Connection;
  readonly #sealer: ContinuationSealer;
  readonly #plans: PlanRunner;

  /** Throws `ConfigurationError` without an API key, or naming every option that is wrong. */
  constructor(options: EZThrottleOptions = {}) {
    this.#options = options;
    this.#connection = connect(options, CLIENT_CHECKS, (apiKey) => {
      const { tracktagsUrl } = options;
      return tracktagsUrl === undefined ? null : proxyDetour(withoutSlash(tracktagsUrl), apiKey);
    });
    const { transport, runtime } = this.#connection;
    this.jobs = new Jobs(transport, runtime);
    this.limits = new Limits(transport);
    this.webhookSecrets = new WebhookSecrets(transport);
    this.webhookEndpoints = new WebhookEndpoints(transport);
    this.#sealer = new ContinuationSealer(options);
    this.#plans = new PlanRunner({
      runtime,
      sealer: this.#sealer,
      submit: (job, call) => this.jobs.submit(job, call),
      onChildError: (error, edge) => options.onChildError?.(error, edge),
      maxResponseBytes: options.maxResponseBytes ?? LIMITS.responseBytes,
      networkErrorTriggersFallback: options.networkErrorTriggersFallback ?? true,
      retryFallbacksRemotely: options.retryFallbacksRemotely ?? false,
    });
  }

  /** Runs a step; `step.execute()` is the same. */
  async execute(step: StepBuilder, options: ExecuteOptions = {}): Promise<StepResult> {
    const { signal, timeoutMs: timeout } = callLimits(options);
    const plan = this.compile(step);
    const run = this.#connection.running.begin(signal);
    const following = new Set<Promise<unknown>>();
    try {
      return await this.#plans.run(plan, { signal: run.signal, key: null, timeout, following });
    } finally {
      // Steps that follow run on, also behind a job or an error, and end with the signal as well.
      if (following.size === 0) run.end();
      else void this.#plans.settled(following).then(run.end);
    }
  }

  /** The plan that `execute` would run. Throws `StepValidationError` with everything that is wrong. */
  compile(step: StepBuilder): Plan {
    refuseNoStep(step);
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
    return this.jobs.submit(urlJobRequest(asJob(options)), call);
  }

  /**
   * Submits many jobs at once: up to 1,000, or 1 MiB, in one request, more in several, one after the
   * other. The answers stand in the order of the jobs; a job that is refused, or that cannot be sent,
   * has its error there and does not touch the others. So have all jobs of a later request that fails;
   * what the first one fails with is thrown, such as `NotFoundError` where the server takes no batches.
   */
  async submitJobs(
    jobs: readonly SubmitJobOptions[],
    call: CallOptions = {},
  ): Promise<readonly BatchAnswer[]> {
    return submitBatch(this.#connection.transport, jobs, jobRequest, call);
  }

  /** @deprecated Use `submitJob`. */
  async queueRequest(options: QueueRequestOptions, call: CallOptions = {}): Promise<SubmitAnswer> {
    return this.submitJob(withWebhook(options), call);
  }

  /**
   * Submits and waits until the job has ended, as `wait` does; `timeout` is for both. A submit that may
   * have been lost is made again: the server knows the job by its key.
   */
  async queueAndWait(options: QueueAndWaitOptions): Promise<JobView> {
    const { timeout, pollInterval, signal, ...job } = asJob(options);
    const request = urlJobRequest(withWebhook(job));
    const { runtime } = this.#connection;
    return submitAndWait(this.jobs, runtime, request, { timeout, pollInterval, signal });
  }

  /**
   * Waits until a job has ended, also while the server restarts or refuses calls for a while. Throws
   * `TimeoutError` with the code `wait_timeout` when it takes too long, and at once what no repeat would
   * cure, such as `NotFoundError`.
   */
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

  /**
   * One call straight to its target, once, past the server. Redirects are not followed, here as
   * everywhere: the answer is the 3xx itself. Throws `TimeoutError` and `NetworkError`; so does the
   * reading of the body.
   */
  async request(options: DirectRequest): Promise<Response> {
    const { signal, timeoutMs = this.#connection.timeoutMs } = callLimits(options);
    const { url, method = 'GET', headers, body } = options;
    refuseWrongArguments(checkUrl(url, 'url'));
    const { running, runtime } = this.#connection;
    const init = { method, headers: { ...headers }, ...defined({ body }) };
    return callDirectly(runtime, url, init, { run: running.begin(signal), timeoutMs });
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

/** Throws `ValidationError` for what is no object. */
function asJob<T extends object>(options: T): T {
  if (!isObject(options)) {
    refuseWrongArguments([{ path: 'job', message: 'is no object', expected: 'a job' }]);
  }
  return options;
}

function withWebhook(options: QueueRequestOptions): SubmitJobOptions {
  const { webhookUrl, ...job } = asJob(options);
  const webhooks = webhookUrl === undefined ? [] : [{ url: webhookUrl, has_quorum_vote: true }];
  return { ...job, webhooks };
}

/** The runner of a client's continuations; the same as `client.continuations(options)`. */
export function createContinuationRunner(
  client: Pick<EZThrottle, 'continuations'>,
  options: ContinuationRunnerOptions = {},
): ContinuationRunner {
  return client.continuations(options);
}
