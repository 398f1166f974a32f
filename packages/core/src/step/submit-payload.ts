import { StepValidationError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import { runtimeOf } from '../http/runtime.ts';
import type { JobRequest } from '../protocol/job.ts';
import { refuseWrongArguments } from '../resources/argument-checks.ts';
import { compile } from './compile.ts';
import { ContinuationSealer, type SealingKeys } from './continuation-seal.ts';
import { defined } from './defined.ts';
import { jobRequest, type SubmitJobOptions } from './job-options.ts';
import { requestKey } from './request-key.ts';
import { sealPlan } from './seal-plan.ts';
import type { StepBuilder } from './step-builder.ts';
import { IdempotentStrategy } from './step-node.ts';

export interface SubmitPayloadOptions extends SealingKeys {
  /** Endpoint that carries on with FRUGAL steps, for jobs without a webhook of their own. */
  readonly continueAt?: string | undefined;
}

/**
 * What a server would be sent for a job or a step tree, for other ways to hand it over than a request of a
 * client's. A step that names no key and does not ask for HASH gets one of its own when it needs one.
 *
 * Throws `StepValidationError` with everything that is wrong with a tree; a step that is to run here, and
 * nothing to seal continuations with, are wrong as well. Of a job, throws `ValidationError` with what cannot
 * be sent as it was meant: the rest is looked at by whoever takes it.
 */
export async function submitPayload(
  job: StepBuilder | SubmitJobOptions,
  options: SubmitPayloadOptions = {},
): Promise<JobRequest> {
  if (!isObject(job)) {
    refuseWrongArguments([{ path: 'job', message: 'is no object', expected: 'a job or a Step' }]);
  }
  return isStep(job) ? await stepPayload(job, options) : jobRequest(job);
}

/** By its shape: there may be two copies of this package. */
function isStep(job: StepBuilder | SubmitJobOptions): job is StepBuilder {
  return 'node' in job && isObject(job.node);
}

async function stepPayload(
  step: StepBuilder,
  { continueAt, ...keys }: SubmitPayloadOptions,
): Promise<JobRequest> {
  const runtime = runtimeOf({});
  const createId = (): string => runtime.createId();
  const sealer = new ContinuationSealer(keys);
  const plan = compile(step, { createId, canSeal: sealer.canSeal, ...defined({ continueAt }) });
  if (plan.kind === 'local') {
    const message = 'is FRUGAL, and would run here';
    throw new StepValidationError([{ path: 'type', message, expected: 'PERFORMANCE' }]);
  }
  const { job, continuations } = plan;
  if (job.idempotent_key !== undefined) return await sealPlan(plan, sealer);
  const isHash = step.node.idempotentStrategy === IdempotentStrategy.HASH;
  if (isHash) {
    const keyed = { ...job, idempotent_key: await requestKey(job) };
    return await sealPlan({ ...plan, job: keyed }, sealer);
  }
  if (continuations.length === 0) return job;
  return await sealPlan({ ...plan, job: { ...job, idempotent_key: createId() } }, sealer);
}
