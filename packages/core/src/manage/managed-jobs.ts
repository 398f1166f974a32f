import type { JobExplanation } from '../protocol/explanation.ts';
import type { Transport } from '../http/transport.ts';
import { callLimits, type CallOptions } from '../resources/call-options.ts';
import { checkedAnswer } from '../resources/checked-answer.ts';
import { jobPath } from '../resources/jobs.ts';

/** `manage.jobs`. */
export class ManagedJobs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Why a job waits, until when, and which rule to change; of one that runs, is being delivered or has
   * ended, that. Throws `NotFoundError` when there is no such job in this organization.
   *
   * @example
   * const { message, waits, estimated_start } = await manage.jobs.explain(jobId);
   */
  async explain(jobId: string, options: CallOptions = {}): Promise<JobExplanation> {
    const answer = await this.#transport.send({
      method: 'GET',
      path: `${jobPath(jobId)}/explain`,
      ...callLimits(options),
    });
    return checkedAnswer<JobExplanation>(answer, 'an explanation', ['job_id', 'phase', 'message']);
  }
}
