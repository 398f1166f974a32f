import { DEFAULTS } from '@ezthrottle/core/protocol';
import { deriveId } from '../admit/derive-id.ts';
import type { DigestContext } from '../admit/digest.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Id, NewDelivery } from '../ports/operation.ts';
import { endpointId } from './endpoint-id.ts';

/** A job whose results are to be delivered. */
export interface DeliveringJob {
  readonly id: Id;
  readonly organization: Id;
  readonly spec: JobSpec;
}

export interface NewDeliveryContext extends DigestContext {
  /** When the job ended, in milliseconds since the epoch. */
  readonly now: number;
  /** Waits before each attempt, in milliseconds. Default `DEFAULTS.deliveryDelaysMs`. */
  readonly deliveryDelaysMs?: readonly number[] | undefined;
}

/** The delivery that a `deliver` effect asks for; null when the job has no webhook of this index. */
export function newDelivery(
  job: DeliveringJob,
  webhook: number,
  context: NewDeliveryContext,
): NewDelivery | null {
  const spec = job.spec.webhooks[webhook];
  if (spec === undefined) return null;
  const [firstWait] = context.deliveryDelaysMs ?? DEFAULTS.deliveryDelaysMs;
  return {
    id: deriveId(job.id, `delivery[${webhook}]`, context),
    webhook,
    endpointId: endpointId(job.organization, spec.url, context),
    url: spec.url,
    hasQuorumVote: spec.hasQuorumVote,
    receivesContinuation: spec.receivesContinuation,
    nextAttemptAt: context.now + (firstWait ?? 0),
  };
}
