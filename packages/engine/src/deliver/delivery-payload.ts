import {
  CONTINUATION_METADATA_KEY,
  type DeliveryPayload,
  type Metadata,
} from '@ezthrottle/core/protocol';
import type { DeliveryRecord, JobRecord, ResultResponse } from '../ports/records.ts';
import { resultView } from './result-view.ts';

/** What a delivery tells about its job. */
export type DeliveredJob = Pick<JobRecord, 'id' | 'idempotentKey' | 'spec' | 'end' | 'parent'>;

/**
 * The body of one attempt of a delivery. The continuation travels in the metadata of the one delivery
 * that is meant to receive it, and in no other; nothing follows a job that was cancelled.
 *
 * @param responses Of `resultAttempts`.
 * @param attempt The delivery's own, from 1.
 * @returns Null while the job has not ended: there is nothing to tell.
 */
export function deliveryPayload(
  job: DeliveredJob,
  delivery: Pick<DeliveryRecord, 'id' | 'endpointId' | 'receivesContinuation'>,
  responses: readonly ResultResponse[],
  attempt: number,
): DeliveryPayload | null {
  const result = resultView(job, responses);
  if (result === null || job.end === null) return null;
  const { metadata, tags } = job.spec;
  const hasContinuation = delivery.receivesContinuation && job.end.state !== 'cancelled';
  return {
    delivery_id: delivery.id,
    endpoint_id: delivery.endpointId,
    attempt,
    job_id: job.id,
    idempotent_key: job.idempotentKey,
    ...result,
    metadata: hasContinuation ? metadata : withoutContinuation(metadata),
    ...(tags.length === 0 ? {} : { tags }),
    ...(job.parent === null ? {} : { parent_job_id: job.parent.id }),
    ended_at: job.end.at,
  };
}

/** Metadata as anybody but the named receiver may see it: who holds a continuation can plant it. */
export function withoutContinuation(metadata: Metadata): Metadata {
  if (!Object.hasOwn(metadata, CONTINUATION_METADATA_KEY)) return metadata;
  const { [CONTINUATION_METADATA_KEY]: _, ...rest } = metadata;
  return rest;
}
