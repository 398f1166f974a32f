import {
  describeProblems,
  PayloadTooLargeError,
  type Problem,
  type Step,
  submitPayload,
  type SubmitJobOptions,
  type SubmitPayloadOptions,
  ValidationError,
} from '@ezthrottle/core';
import { LIMITS } from '@ezthrottle/core/protocol';
import { checkJob, normaliseJob } from '@ezthrottle/engine';

/** A job, or a step tree of which all runs on the server. */
export type InboxJob = SubmitJobOptions | Step;

/**
 * The JSON of a job, looked at here as the server will: whoever is refused only there cannot be told any more.
 *
 * Throws `ValidationError` with everything that is wrong, and `PayloadTooLargeError`.
 */
export async function inboxPayload(job: InboxJob, options: SubmitPayloadOptions): Promise<string> {
  const payload = await submitPayload(job, options);
  const normalised = normaliseJob(payload);
  const problems =
    normalised.problems.length > 0 ? normalised.problems : checkJob(normalised.value).problems;
  if (problems.length > 0) throw new ValidationError(describeProblems('job', problems), problems);
  const text = JSON.stringify(payload);
  const bytes = new TextEncoder().encode(text).byteLength;
  if (bytes <= LIMITS.requestBytes) return text;
  throw new PayloadTooLargeError(
    `The job has ${bytes} bytes (expected: at most ${LIMITS.requestBytes}).`,
  );
}

/** The same of several, with what is wrong with each of them told at once, under `jobs[<number>]`. */
export async function inboxPayloads(
  jobs: readonly InboxJob[],
  options: SubmitPayloadOptions,
): Promise<readonly string[]> {
  const problems: Problem[] = [];
  const payloads: string[] = [];
  for (const [index, job] of jobs.entries()) {
    try {
      payloads.push(await inboxPayload(job, options));
    } catch (error) {
      problems.push(...problemsOf(error, `jobs[${index}]`));
    }
  }
  if (problems.length === 0) return payloads;
  throw new ValidationError(describeProblems('list of jobs', problems), problems);
}

/** Throws what is of another kind. */
function problemsOf(error: unknown, place: string): readonly Problem[] {
  if (error instanceof PayloadTooLargeError) {
    const expected = `at most ${LIMITS.requestBytes} bytes as JSON`;
    return [{ path: place, message: 'is too large', expected }];
  }
  if (!(error instanceof ValidationError)) throw error;
  return error.problems.map(({ path, ...problem }) => ({
    path: path === '' ? place : `${place}.${path}`,
    ...problem,
  }));
}
