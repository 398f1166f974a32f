import { ERROR_STATUS } from '@ezthrottle/core/protocol';
import type { TraceContext } from '@ezthrottle/engine';
import type { AdmittedJob } from '../../dispatch/job-gate.ts';
import { incomingTrace } from '../../observe/tracing/trace-context.ts';
import type { Tracing } from '../../observe/tracing/tracing.ts';
import { ApiError } from '../api-error.ts';
import type { Call } from '../route.ts';
import type { ReadyJob, SubmitAnswer } from './submit-job.ts';

/** The request that a job came in. */
export interface SubmitRequest {
  readonly route: string;
  readonly call: Pick<Call, 'header'>;
}

/** Takes a job with what it needs to know of the trace: from its own span, or passed on from its request. */
export async function takeTraced(
  { tracing }: { readonly tracing?: Pick<Tracing, 'submit'> | undefined },
  { job }: ReadyJob,
  { route, call }: SubmitRequest,
  take: (job: AdmittedJob) => Promise<SubmitAnswer>,
): Promise<SubmitAnswer> {
  const incoming = incomingTrace((name) => call.header(name));
  const passedOn = job.spec.sendTraceparent === true ? incoming : null;
  if (tracing === undefined) return await take(withTrace(job, passedOn));
  const span = tracing.submit(incoming, job.id, route);
  try {
    const answer = await take(withTrace(job, span.context ?? passedOn));
    span.ended(answer.status, answer.body.job_id);
    return answer;
  } catch (error) {
    span.ended(error instanceof ApiError ? ERROR_STATUS[error.code] : 500, null);
    throw error;
  }
}

function withTrace(job: AdmittedJob, trace: TraceContext | null): AdmittedJob {
  return trace === null ? job : { ...job, spec: { ...job.spec, trace } };
}
