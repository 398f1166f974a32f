import type { JobRequest, JobStatus, SubmitReply } from '../protocol/job.ts';
import type { EZThrottleError } from '../errors.ts';
import { answerError } from '../http/answer-error.ts';
import { isObject, type JsonRecord } from '../http/json.ts';
import type { Transport } from '../http/transport.ts';
import { callLimits, type CallOptions } from './call-options.ts';
import { checkedAnswer, unexpectedAnswer } from './checked-answer.ts';

export const JOBS_PATH = '/api/v1/jobs';

/** A reply to a submit, as far as every server gives it. */
export interface SubmitAnswer extends Partial<SubmitReply> {
  readonly job_id: string;
  readonly status: JobStatus;
}

/** What became of one job of a batch. */
export type BatchAnswer =
  | { readonly ok: true; readonly job: SubmitAnswer }
  | { readonly ok: false; readonly error: EZThrottleError };

/** Hands over a job in its canonical spelling. */
export async function submitJob(
  transport: Transport,
  job: JobRequest,
  options: CallOptions,
): Promise<SubmitAnswer> {
  // Repeatable: the server recognises a job that it has taken already.
  const call = { method: 'POST', path: JOBS_PATH, body: job, ...callLimits(options) } as const;
  return submitAnswer(await transport.send(call));
}

/** Hands over several jobs in their canonical spelling; answers in their order. */
export async function submitBatch(
  transport: Transport,
  jobs: readonly JobRequest[],
  options: CallOptions,
): Promise<readonly BatchAnswer[]> {
  if (jobs.length === 0) return [];
  const reply = await transport.send({
    method: 'POST',
    path: `${JOBS_PATH}/batch`,
    body: { jobs },
    ...callLimits(options),
  });
  const results: unknown = isObject(reply) ? reply['results'] : null;
  if (!Array.isArray(results) || results.length !== jobs.length) {
    throw unexpectedAnswer('a reply to a batch');
  }
  const items: readonly unknown[] = results;
  return items.map((item) => batchAnswer(item, transport.options.runtime.now()));
}

function submitAnswer(reply: unknown): SubmitAnswer {
  const { status = 'queued', ...rest } = checkedAnswer<
    Omit<SubmitAnswer, 'status'> & Partial<SubmitAnswer>
  >(reply, 'a reply to a submit', ['job_id']);
  return { ...rest, status };
}

function batchAnswer(item: unknown, now: number): BatchAnswer {
  const { status_code: status, body: json }: JsonRecord = isObject(item) ? item : {};
  if (typeof status !== 'number') throw unexpectedAnswer('a reply to a batch');
  if (status < 300) return { ok: true, job: submitAnswer(json) };
  const answer = { status, headers: new Headers(), text: '', json };
  return { ok: false, error: answerError(answer, now, null) };
}
