import { toBytes } from '../protocol/bytes.ts';
import { CONTINUATION_METADATA_KEY } from '../protocol/delivery.ts';
import type { JobRequest, Metadata } from '../protocol/job.ts';
import type { Plan, PlannedContinuation, SubmitPlan } from '../protocol/plan.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { forwardPlan } from './assemble-job.ts';

const NONCE_AND_TAG_BYTES = 12 + 16;
/** `v1.<8 characters>.` */
const PREFIX_BYTES = 12;

/** As long as the key that a job gets which has none. */
const HASH_KEY = '0'.repeat(64);

export function jsonBytes(value: unknown): number {
  return toBytes(JSON.stringify(value)).length;
}

/**
 * Continuations that would not fit into their job's metadata. Only outermost ones are measured:
 * whatever lies inside one, with its own metadata, is part of its content and so is smaller.
 */
export function checkContinuationSizes(plan: Plan, limit: number): readonly Problem[] {
  if (plan.kind === 'submit') return checkPayload(plan, limit);
  if (plan.endpoint !== null) return checkPayload(forwardPlan(plan, new Set()), limit);
  const children = [plan, ...plan.fallbacks].flatMap(({ on_success, on_failure }) =>
    [on_success, on_failure].flatMap((child) => child ?? []),
  );
  return children.flatMap((child) => checkContinuationSizes(child, limit));
}

function checkPayload(plan: SubmitPlan, limit: number): readonly Problem[] {
  return plan.continuations.flatMap(({ at, content }: PlannedContinuation) => {
    const { metadata, idempotent_key: key = HASH_KEY } = jobAt(plan.job, at) ?? {};
    const bytes = sealedMetadataBytes(jsonBytes({ ...content, key }), metadata);
    if (bytes <= limit) return [];
    const message = `carries ${bytes} bytes of metadata, counting the FRUGAL steps that follow it`;
    const expected = `at most ${limit} bytes: smaller bodies and metadata in the steps that follow`;
    return [{ path: stepPath(at), message, expected }];
  });
}

function sealedMetadataBytes(contentBytes: number, metadata: Metadata | undefined): number {
  const text = PREFIX_BYTES + Math.ceil(((contentBytes + NONCE_AND_TAG_BYTES) * 4) / 3);
  return jsonBytes({ ...metadata, [CONTINUATION_METADATA_KEY]: '' }) + text;
}

function jobAt(job: JobRequest, at: PlannedContinuation['at']): JobRequest | undefined {
  return at.reduce<JobRequest | undefined>((inner, key) => inner?.[key], job);
}

/** Fallbacks are named by their place in the whole chain. */
function stepPath(at: PlannedContinuation['at']): string {
  return at
    .join('.')
    .replaceAll('on_success', 'onSuccess')
    .replaceAll('on_failure', 'onFailure')
    .replaceAll(
      /fallback_job(?:\.fallback_job)*/g,
      (chain) => `fallback[${chain.split('.').length - 1}]`,
    );
}
