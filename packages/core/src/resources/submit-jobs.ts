import type { JobRequest, JobStatus, SubmitReply } from '../protocol/job.ts';
import type { ApiCall, Transport } from '../http/transport.ts';
import { checkedAnswer } from './checked-answer.ts';

export const JOBS_PATH = '/api/v1/jobs';

/** A reply to a submit, as far as every server gives it. */
export interface SubmitAnswer extends Partial<SubmitReply> {
  readonly job_id: string;
  readonly status: JobStatus;
}

/** Hands over a job in its canonical spelling. */
export async function submitJob(
  transport: Transport,
  job: JobRequest,
  limits: Pick<ApiCall, 'signal' | 'timeoutMs'>,
): Promise<SubmitAnswer> {
  // Repeatable: the server recognises a job that it has taken already.
  const call = { method: 'POST', path: JOBS_PATH, body: job, ...limits } as const;
  return submitAnswer(await transport.send(call));
}

/** A reply to a submit, with everything that is promised of it. */
export function submitAnswer(reply: unknown): SubmitAnswer {
  const { status = 'queued', ...rest } = checkedAnswer<
    Omit<SubmitAnswer, 'status'> & Partial<SubmitAnswer>
  >(reply, 'a reply to a submit', ['job_id']);
  return { ...rest, status };
}
