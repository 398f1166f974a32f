import { isObject } from './http/json.ts';
import type { SubmitAnswer } from './resources/submit-jobs.ts';
import { defined } from './step/defined.ts';
import { jobRequest, type SubmitJobOptions } from './step/job-options.ts';
import { StepType } from './step/step-node.ts';
import { Step } from './step/step.ts';
import type { StepClient } from './step/step-builder.ts';
import type { StepResult } from './step/step-result.ts';

type JobEdges =
  | 'trigger'
  | `fallback${'_job' | 'Job'}`
  | `on${'_success' | 'Success' | '_failure' | 'Failure'}`;

/** A request that a function hands on instead of answering itself. */
export interface ForwardRequest extends Omit<SubmitJobOptions, JobEdges> {
  /** FRUGAL: tried here once more first. Default: submitted at once. */
  readonly stepType?: StepType;
  /** With FRUGAL: statuses that hand the second try on. */
  readonly fallbackOnError?: readonly number[];
}

/** What a wrapped function returns to have a request forwarded: this and nothing else. */
export interface Forwarding {
  readonly forward: ForwardRequest;
}

/** What forwards: an `EZThrottle` client. */
export interface ForwardingClient extends StepClient {
  submitJob(options: SubmitJobOptions): Promise<SubmitAnswer>;
}

/**
 * Calls a function and forwards the request that it returns as `{ forward }`; any other result is
 * given back as it is. The function has called the target already, so it is not called here again.
 */
export async function executeWithForwarding<T>(
  client: ForwardingClient,
  fn: () => Promise<T | Forwarding>,
): Promise<T | SubmitAnswer | StepResult> {
  const result = await fn();
  if (!isForwarding(result)) return result;
  const { stepType, fallbackOnError, ...job } = result.forward;
  if (stepType !== StepType.FRUGAL) return client.submitJob(job);
  return client.execute(frugalStep(job, fallbackOnError));
}

/**
 * The function with `executeWithForwarding` around each call.
 *
 * @example
 * const pay = withAutoForward(client, async (orderId: string) => {
 *   const response = await fetch(`https://api.example.com/orders/${orderId}`, { method: 'POST' });
 *   if (response.status === 429) return { forward: { url: response.url, method: 'POST' } };
 *   return response.status;
 * });
 */
export function withAutoForward<Args extends readonly unknown[], T>(
  client: ForwardingClient,
  fn: (...args: Args) => Promise<T | Forwarding>,
): (...args: Args) => Promise<T | SubmitAnswer | StepResult> {
  return (...args) => executeWithForwarding(client, () => fn(...args));
}

function frugalStep(
  request: Omit<ForwardRequest, 'stepType' | 'fallbackOnError'>,
  codes: readonly number[] | undefined,
): Step {
  const job = jobRequest(request);
  const isBinary = job.body_encoding === 'base64';
  return Step.from(
    defined({
      type: StepType.FRUGAL,
      url: job.url,
      method: job.method,
      headers: job.headers,
      body: job.body,
      bodyEncoding: isBinary ? job.body_encoding : undefined,
      timeout: job.timeout_ms,
      metadata: job.metadata,
      tags: job.tags,
      webhooks: job.webhooks,
      webhookQuorum: job.webhook_quorum,
      regions: job.regions,
      regionPolicy: job.region_policy,
      executionMode: job.execution_mode,
      retryPolicy: job.retry_policy,
      onFailureTimeout: job.on_failure_timeout_ms,
      idempotentKey: job.idempotent_key,
      strictIdempotency: job.strict_idempotency,
      idempotencyWindowMs: job.idempotency_window_ms,
      idempotencyScope: job.idempotency_scope,
      onConflict: job.on_conflict,
      sendIdempotencyKey: job.send_idempotency_key,
      retryAt: job.retry_at,
      userId: job.user_id,
      priority: job.priority,
      repeat: job.repeat,
      fallbackOnError: codes,
    }),
  );
}

/** An answer of the user's that happens to have a member `forward` is not meant. */
function isForwarding<T>(result: T | Forwarding): result is Forwarding {
  if (!isObject(result) || Object.keys(result).length !== 1) return false;
  return isObject(result['forward']) && typeof result['forward']['url'] === 'string';
}
