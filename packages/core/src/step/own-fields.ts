import type { JobRequest, TriggerRequest } from '../protocol/job.ts';
import { defined } from './defined.ts';
import type { ChainLink } from './fallback-chain.ts';
import { wireJob } from './job-options.ts';
import { requestUrl } from './request-url.ts';
import { IdempotentStrategy, StepType, type StepNode } from './step-node.ts';

/** When a fallback starts. */
export function triggerOf({ fallback }: ChainLink): TriggerRequest | undefined {
  const { triggerOnError, triggerOnTimeout } = fallback;
  if (triggerOnError !== undefined) return { type: 'on_error', codes: triggerOnError };
  if (triggerOnTimeout !== undefined) return { type: 'on_timeout', timeout_ms: triggerOnTimeout };
  return undefined;
}

/** The job of a step without what follows it. What is empty or a default is left out. */
export function ownFields(step: StepNode, type: StepType, key: string | undefined): JobRequest {
  const {
    type: _,
    description,
    query,
    continueAt,
    fallbackOnError,
    idempotentStrategy,
    timeout,
    onFailureTimeout,
    onSuccess,
    onFailure,
    fallbacks,
    ...fields
  } = step;
  return wireJob({
    ...fields,
    url: requestUrl(step),
    ...defined({
      // A local call's limit says nothing about how patient the server may be with the same call.
      timeoutMs: type === StepType.FRUGAL ? undefined : timeout,
      onFailureTimeoutMs: onFailureTimeout,
      idempotentKey: key,
    }),
  });
}

/** The key under which a step is done once, if it has one before it is sent. */
export function keyOf(step: StepNode, createId: () => string): string | undefined {
  if (step.idempotentKey !== undefined) return step.idempotentKey;
  return step.idempotentStrategy === IdempotentStrategy.UNIQUE ? createId() : undefined;
}
