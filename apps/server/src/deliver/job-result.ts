import { type DeliveredJob, resultAttempts } from '@ezthrottle/engine';
import type { EndedAttempt, Id, JobEnd, JobSpec, ResultResponse } from '@ezthrottle/engine';

/** What a delivery tells, as its job had it in memory when it ended. */
export interface JobResult {
  readonly job: DeliveredJob;
  readonly responses: readonly ResultResponse[];
}

/** A job at its end. */
export interface EndedJob {
  readonly id: Id;
  readonly idempotentKey: string;
  readonly spec: JobSpec;
  readonly end: JobEnd;
  readonly parent: DeliveredJob['parent'];
}

/**
 * The result of a job, made of the write that ends it; null when it shows a response that an earlier
 * write has stored. Pure.
 */
export function jobResult(
  { id, idempotentKey, spec, end, parent }: EndedJob,
  ended: readonly EndedAttempt[],
  regionOf: (attempt: number) => string | null,
): JobResult | null {
  const responses: ResultResponse[] = [];
  for (const wanted of resultAttempts(end)) {
    const response = ended.find(({ attempt }) => attempt === wanted)?.response;
    const region = regionOf(wanted);
    if (response === undefined || response === null || region === null) return null;
    responses.push({ attempt: wanted, region, response });
  }
  return { job: { id, idempotentKey, spec, end, parent }, responses };
}

/** Roughly the bytes that a result takes. */
export function weightOf({ job, responses }: JobResult): number {
  const bodies = responses.reduce((sum, { response }) => sum + response.body.length, 0);
  return 2 * (bodies + (job.spec.paths[0].body?.data.length ?? 0)) + 4_096;
}
