import type {
  DeadDeliveryDetail,
  DeadDeliveryPage,
  DeadDeliveryReason,
  DeadDeliveryView,
  DeadJobDetail,
  DeadJobPage,
  DeadJobReason,
  DeadJobView,
  DeadLetterFilter,
  JobEdit,
  ReplayDeliveryRequest,
  ReplayJobReply,
  ReplayJobRequest,
} from '../protocol/dead-letter.ts';
import type { BodyEncoding, WebhookRequest } from '../protocol/job.ts';
import { wantText } from '../option-checks.ts';
import { refuseWrongArguments } from '../resources/argument-checks.ts';
import type { CallOptions } from '../resources/call-options.ts';
import { checkedAnswer } from '../resources/checked-answer.ts';
import { pagedListing, type PagedListing } from '../resources/pages.ts';
import { checkedPage, type ManagingCalls } from './managing-calls.ts';

/** Which dead letters are meant; those of which all that is said is true. */
export interface DeadLetterOptions<Reason = DeadJobReason | DeadDeliveryReason> {
  readonly reasons?: readonly Reason[];
  /** Origin of the job's own call, or of the endpoint, such as `https://api.example.com`. */
  readonly destination?: string;
  readonly userId?: string;
  readonly tag?: string;
  /** Died at this moment or later; a number is milliseconds since the epoch. */
  readonly endedFrom?: number | Date;
  /** Died before this moment. */
  readonly endedBefore?: number | Date;
}

export interface ListDeadLettersOptions<Reason = DeadJobReason | DeadDeliveryReason>
  extends DeadLetterOptions<Reason>,
    CallOptions {
  /** Dead letters of one page. Default 50, at most 100. */
  readonly limit?: number;
  /** `next_cursor` of an earlier page. */
  readonly cursor?: string;
}

/** What a new try of a job has otherwise. What is absent stays as it was. */
export interface JobEditOptions {
  readonly url?: string;
  readonly method?: string;
  /** Merged by name; null takes a header away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: string;
  readonly bodyEncoding?: BodyEncoding;
  readonly webhooks?: readonly WebhookRequest[];
  /** No attempt starts after it; null: none is too late. A number is milliseconds since the epoch. */
  readonly executeBefore?: number | Date | null;
}

export interface ReplayJobOptions extends CallOptions {
  /** Why: noted in the audit log. */
  readonly reason: string;
  /** Once more, though there is a new try of it already. Default false: that one is the answer. */
  readonly again?: boolean;
  readonly edit?: JobEditOptions;
}

export interface ReplayDeliveryOptions extends CallOptions {
  /** Why: noted in the audit log. */
  readonly reason: string;
  /** A delivery with an id of its own, which receivers do not know yet. Default false. */
  readonly asNew?: boolean;
  /** Where the new one goes instead; only with `asNew`. */
  readonly url?: string;
}

/** Those that died last first; pages are fetched as they are needed. */
export type DeadJobListing = PagedListing<DeadJobPage, DeadJobView>;
export type DeadDeliveryListing = PagedListing<DeadDeliveryPage, DeadDeliveryView>;

const JOBS = '/api/v1/dead-letters/jobs';
const DELIVERIES = '/api/v1/dead-letters/deliveries';

/** `manage.deadLetters`: what failed, and the way back of each. */
export class DeadLetters {
  readonly #calls: ManagingCalls;

  constructor(calls: ManagingCalls) {
    this.#calls = calls;
  }

  /**
   * Jobs that failed.
   *
   * @example
   * for await (const job of manage.deadLetters.jobs({ reasons: ['target_refused'] })) console.log(job.url);
   */
  jobs(options: ListDeadLettersOptions<DeadJobReason> = {}): DeadJobListing {
    return pagedListing(
      async (cursor) =>
        checkedPage<DeadJobPage>(
          await this.#page(JOBS, options, cursor),
          'jobs',
          'a page of dead jobs',
        ),
      options.cursor,
      ({ jobs }) => jobs,
    );
  }

  /** One with all that has happened to it. Throws `NotFoundError` when no dead job has this id. */
  async job(jobId: string, options: CallOptions = {}): Promise<DeadJobDetail> {
    const answer = await this.#calls.look(pathOf(JOBS, jobId), {}, options);
    return checkedAnswer<DeadJobDetail>(answer, 'a dead job', ['job_id', 'reason']);
  }

  /**
   * Sends a dead job again as a new job, once: the same answer to whoever asks again. Throws
   * `ConflictError` when the job is not dead, or may not start any more.
   *
   * @example
   * await manage.deadLetters.replayJob(jobId, { reason: 'the key was wrong', edit: { headers: { 'X-Key': 'right' } } });
   */
  async replayJob(
    jobId: string,
    { reason, again, edit, ...options }: ReplayJobOptions,
  ): Promise<ReplayJobReply> {
    const body: ReplayJobRequest = {
      reason,
      ...(again !== undefined && { again }),
      ...(edit !== undefined && { edit: editOf(edit) }),
    };
    const answer = await this.#calls.act(`${pathOf(JOBS, jobId)}/replay`, body, options);
    return checkedAnswer<ReplayJobReply>(answer, 'a new try of a job', ['job_id', 'redrive_of']);
  }

  /** Deliveries that died. */
  deliveries(options: ListDeadLettersOptions<DeadDeliveryReason> = {}): DeadDeliveryListing {
    return pagedListing(
      async (cursor) =>
        checkedPage<DeadDeliveryPage>(
          await this.#page(DELIVERIES, options, cursor),
          'deliveries',
          'a page of dead deliveries',
        ),
      options.cursor,
      ({ deliveries }) => deliveries,
    );
  }

  /** One with all of its attempts. Throws `NotFoundError` unless it is dead or was replayed. */
  async delivery(deliveryId: string, options: CallOptions = {}): Promise<DeadDeliveryDetail> {
    return asDelivery(await this.#calls.look(pathOf(DELIVERIES, deliveryId), {}, options));
  }

  /**
   * Delivers again, under the same id: a receiver that is through with it does nothing. With `asNew` it is
   * a new delivery of the same result. Throws `ConflictError` when the endpoint is disabled.
   */
  async replayDelivery(
    deliveryId: string,
    { reason, asNew, url, ...options }: ReplayDeliveryOptions,
  ): Promise<DeadDeliveryDetail> {
    const body: ReplayDeliveryRequest = {
      reason,
      ...(asNew !== undefined && { as_new: asNew }),
      ...(url !== undefined && { url }),
    };
    return asDelivery(
      await this.#calls.act(`${pathOf(DELIVERIES, deliveryId)}/replay`, body, options),
    );
  }

  #page(
    path: string,
    { limit, cursor: _, signal, timeout, ...filter }: ListDeadLettersOptions,
    cursor: string | undefined,
  ): Promise<unknown> {
    const { reasons, ...marks } = filterOf(filter);
    const query = { ...marks, reason: reasons?.join(','), limit, cursor };
    return this.#calls.look(path, query, { signal, timeout });
  }
}

/** As it stands on the wire. */
export function filterOf({
  reasons,
  destination,
  userId,
  tag,
  endedFrom,
  endedBefore,
}: DeadLetterOptions): DeadLetterFilter {
  return {
    ...(reasons !== undefined && { reasons }),
    ...(destination !== undefined && { destination }),
    ...(userId !== undefined && { user_id: userId }),
    ...(tag !== undefined && { tag }),
    ...(endedFrom !== undefined && { ended_from: Number(endedFrom) }),
    ...(endedBefore !== undefined && { ended_before: Number(endedBefore) }),
  };
}

/** As it stands on the wire. */
export function editOf({
  headers,
  bodyEncoding,
  executeBefore,
  ...others
}: JobEditOptions): JobEdit {
  const put = Object.entries(headers ?? {}).map(([name, value]) => [name, value ?? ''] as const);
  return {
    ...others,
    ...(headers !== undefined && { headers: Object.fromEntries(put) }),
    ...(bodyEncoding !== undefined && { body_encoding: bodyEncoding }),
    ...(executeBefore !== undefined && { execute_before: Number(executeBefore ?? 0) }),
  };
}

function pathOf(path: string, id: string): string {
  refuseWrongArguments(wantText(id ?? null, 'id'));
  return `${path}/${encodeURIComponent(id)}`;
}

function asDelivery(answer: unknown): DeadDeliveryDetail {
  return checkedAnswer<DeadDeliveryDetail>(answer, 'a delivery', ['delivery_id', 'job_id']);
}
