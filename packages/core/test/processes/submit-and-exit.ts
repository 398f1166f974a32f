// An application that submits a job which a FRUGAL step follows, and is gone before the job has ended.
// Argument: where everything is, as JSON. Prints the job's id.
import { EZThrottle, IdempotentStrategy, Step, StepType } from '@ezthrottle/core';

export interface SubmitTask {
  readonly serverUrl: string;
  readonly apiKey: string;
  readonly continuationKey: string;
  /** Where the step that follows is to run. */
  readonly endpoint: string;
  /** Other webhooks of the job. */
  readonly others: readonly string[];
  readonly targetUrl: string;
}

const task: SubmitTask = JSON.parse(process.argv[2] ?? '');
const { serverUrl: baseUrl, apiKey, continuationKey, targetUrl } = task;
const client = new EZThrottle({ baseUrl, apiKey, continuationKey });

const next = new Step().url(`${targetUrl}/next`).method('POST');
const after = new Step().url(`${targetUrl}/after`).type(StepType.FRUGAL).onSuccess(next);
const { job_id } = await new Step(client)
  .url(`${targetUrl}/job`)
  .webhooks([task.endpoint, ...task.others].map((url) => ({ url })))
  .idempotentStrategy(IdempotentStrategy.UNIQUE)
  .onSuccess(after)
  .execute();
console.log(JSON.stringify({ job_id }));
