import {
  connect,
  CONNECTION_CHECKS,
  type Connection,
  type ConnectionOptions,
} from './connection.ts';
import { clientClosed } from './errors.ts';
import { submitJob } from './resources/submit-jobs.ts';
import { remoteJob } from './step/remote-job.ts';
import type { ExecuteOptions, StepBuilder, StepClient } from './step/step-builder.ts';
import type { SubmittedResult } from './step/step-result.ts';
import { submittedResult } from './step/submitted-result.ts';

/**
 * A client that submits step trees and does nothing else, for where every byte of a bundle counts. What
 * runs here, comes in batches or is to be looked at later takes the whole client, `EZThrottle`.
 *
 * @example
 * const client = new SubmitClient({ apiKey: 'your_api_key' });
 * await new Step(client).url('https://api.example.com').method('POST').execute();
 */
export class SubmitClient implements StepClient, AsyncDisposable {
  readonly #connection: Connection;

  /** Throws `ConfigurationError` without an API key, or naming every option that is wrong. */
  constructor(options: ConnectionOptions = {}) {
    this.#connection = connect(options, CONNECTION_CHECKS);
  }

  /**
   * Submits a step; `step.execute()` is the same. What is wrong with it is told by the server, as a
   * `ValidationError` with everything; a step that is to run here, as a `StepValidationError`, at once.
   */
  async execute(
    step: StepBuilder,
    { signal, timeout: timeoutMs }: ExecuteOptions = {},
  ): Promise<SubmittedResult> {
    const { transport, runtime } = this.#connection;
    const job = remoteJob(step.node, () => runtime.createId());
    const answer = await submitJob(transport, job, { signal, timeoutMs });
    return submittedResult(answer, job.idempotent_key ?? null, null);
  }

  /** Ends what is under way, and every later call, with an error whose code is `closed`. */
  async close(): Promise<void> {
    this.#connection.running.close(clientClosed());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
