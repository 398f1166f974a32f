import { EZThrottleError, PayloadTooLargeError } from '../errors.ts';
import { answerError } from '../http/answer-error.ts';
import { isObject, type JsonRecord } from '../http/json.ts';
import type { Transport } from '../http/transport.ts';
import { toBytes } from '../protocol/bytes.ts';
import { LIMITS } from '../protocol/limits.ts';
import { refuseWrongArguments } from './argument-checks.ts';
import { callLimits, type CallOptions } from './call-options.ts';
import { unexpectedAnswer } from './checked-answer.ts';
import { JOBS_PATH, submitAnswer, type SubmitAnswer } from './submit-jobs.ts';

/** What became of one job of a batch. */
export type BatchAnswer =
  | { readonly ok: true; readonly job: SubmitAnswer }
  | { readonly ok: false; readonly error: EZThrottleError };

/** A job as it is sent, and its place in the batch. */
interface WrittenJob {
  readonly place: number;
  readonly text: string;
}

const OPENING = '{"jobs":[';
const ENDING = ']}';

/**
 * Hands over several jobs, in as few requests as the bounds of the server allow, one after the other;
 * answers in the order of the jobs. A job that cannot be written has its error, and so have all jobs of
 * a request that failed after another had been answered.
 *
 * Throws what the first request failed with: then nothing was taken that anybody knows of.
 *
 * @param write The canonical spelling of a job. Throws for a job that cannot be sent as it was meant.
 */
export async function submitBatch<Job>(
  transport: Transport,
  jobs: readonly Job[],
  write: (job: Job) => unknown,
  options: CallOptions,
): Promise<readonly BatchAnswer[]> {
  refuseNoList(jobs);
  const limits = callLimits(options);
  const answers = new Map<number, BatchAnswer>();
  const written = jobs.flatMap((job, place): readonly WrittenJob[] => {
    try {
      return [{ place, text: JSON.stringify(write(job)) }];
    } catch (error) {
      answers.set(place, failed(error));
      return [];
    }
  });
  let isAnswered = false;
  const requests = [...inRequests(written)];
  for (let request = requests.shift(); request !== undefined; request = requests.shift()) {
    try {
      const text = OPENING + request.map((job) => job.text).join() + ENDING;
      const path = `${JOBS_PATH}/batch`;
      const reply = await transport.send({ method: 'POST', path, text, ...limits });
      const given = answersOf(reply, request.length, transport.options.runtime.now());
      for (const [index, { place }] of request.entries()) {
        answers.set(place, given[index] ?? failed(unexpectedAnswer('a reply to a batch')));
      }
      isAnswered = true;
    } catch (error) {
      if (error instanceof PayloadTooLargeError && request.length > 1) {
        // A server, or a proxy before it, whose bound is a lower one.
        const middle = Math.ceil(request.length / 2);
        requests.unshift(request.slice(0, middle), request.slice(middle));
        continue;
      }
      if (!isAnswered) throw error;
      for (const { place } of request) answers.set(place, failed(error));
    }
  }
  return jobs.map((_, place) => answers.get(place) ?? failed(unexpectedAnswer('a whole batch')));
}

/** A job that is too long alone has a request of its own, for the server to refuse. */
function* inRequests(jobs: readonly WrittenJob[]): Generator<readonly WrittenJob[]> {
  let request: WrittenJob[] = [];
  let bytes = 0;
  for (const job of jobs) {
    // With the comma before it, or what stands around them all.
    const more = toBytes(job.text).length + 1;
    const isFull = bytes + more + OPENING.length + ENDING.length > LIMITS.requestBytes;
    if (request.length > 0 && (isFull || request.length === LIMITS.batchJobs)) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push(job);
    bytes += more;
  }
  if (request.length > 0) yield request;
}

function answersOf(reply: unknown, count: number, now: number): readonly BatchAnswer[] {
  const results: unknown = isObject(reply) ? reply['results'] : null;
  if (!Array.isArray(results) || results.length !== count) {
    throw unexpectedAnswer('a reply to a batch');
  }
  const items: readonly unknown[] = results;
  return items.map((item) => batchAnswer(item, now));
}

function batchAnswer(item: unknown, now: number): BatchAnswer {
  const { status_code: status, body: json }: JsonRecord = isObject(item) ? item : {};
  if (typeof status !== 'number') throw unexpectedAnswer('a reply to a batch');
  if (status < 300) return { ok: true, job: submitAnswer(json) };
  const answer = { status, headers: new Headers(), text: '', json };
  return { ok: false, error: answerError(answer, now, null) };
}

function failed(error: unknown): BatchAnswer {
  return { ok: false, error: EZThrottleError.from(error) };
}

function refuseNoList(jobs: unknown): void {
  if (Array.isArray(jobs)) return;
  const problem = { path: 'jobs', message: 'is no list', expected: 'a list of jobs' };
  refuseWrongArguments([problem]);
}
