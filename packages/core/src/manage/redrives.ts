import { TimeoutError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import { sleep } from '../http/runtime.ts';
import type {
  RedriveDryRun,
  RedriveItemPage,
  RedriveItemView,
  RedrivePage,
  RedriveRequest,
  RedriveView,
} from '../protocol/redrive.ts';
import { wantText } from '../option-checks.ts';
import { refuseWrongArguments } from '../resources/argument-checks.ts';
import type { CallOptions } from '../resources/call-options.ts';
import { checkedAnswer, unexpectedAnswer } from '../resources/checked-answer.ts';
import { pagedListing, type PagedListing } from '../resources/pages.ts';
import { type DeadLetterOptions, editOf, filterOf, type JobEditOptions } from './dead-letters.ts';
import { checkedPage, type ManagingCalls } from './managing-calls.ts';

/** Which dead letters are sent again, and how carefully. */
export interface RedriveOptions extends CallOptions {
  /** Why: noted in the audit log. */
  readonly reason: string;
  /** Default `jobs`. */
  readonly of?: 'jobs' | 'deliveries';
  readonly filter?: DeadLetterOptions;
  /** Per second. Default 10. */
  readonly rate?: number;
  /** So many are sent first, and have to end before the rest follows; 0: none. Default 20. */
  readonly canary?: number;
  /** Ends the redrive by itself when more of those that ended of late have failed. Default 10. */
  readonly maxFailurePercent?: number;
  /** So many are sent at most; what is passed over does not count. Default 10,000. */
  readonly maxItems?: number;
  /** For each of the new jobs; not for deliveries. */
  readonly edit?: JobEditOptions;
}

export interface CancelRedriveOptions extends CallOptions {
  /** Why: noted in the audit log. */
  readonly reason: string;
}

export interface WaitForRedriveOptions extends CallOptions {
  /** Milliseconds between two looks. Default 1,000. */
  readonly pollInterval?: number;
  /** Milliseconds for all of it. Default: as long as it takes. */
  readonly within?: number;
}

interface PageOptions extends CallOptions {
  /** Of one page. Default 50, at most 100. */
  readonly limit?: number;
  /** `next_cursor` of an earlier page. */
  readonly cursor?: string;
}

/** The newest first; pages are fetched as they are needed. */
export type RedriveListing = PagedListing<RedrivePage, RedriveView>;
/** In the order in which they were sent. */
export type RedriveItemListing = PagedListing<RedriveItemPage, RedriveItemView>;

const PATH = '/api/v1/redrives';

/** `manage.redrives`: many dead letters that are sent again, slowly, and no longer than it goes well. */
export class Redrives {
  readonly #calls: ManagingCalls;

  constructor(calls: ManagingCalls) {
    this.#calls = calls;
  }

  /** How many there are, and why they died. Sends nothing. */
  async dryRun({ signal, timeout, ...redrive }: RedriveOptions): Promise<RedriveDryRun> {
    const request = { ...requestOf(redrive), dry_run: true };
    const answer = await this.#calls.act(PATH, request, { signal, timeout });
    if (!isDryRun(answer)) throw unexpectedAnswer('what a dry run finds');
    return answer;
  }

  /**
   * Begins a redrive; the server carries it on, also after a restart.
   *
   * @example
   * const { redrive_id } = await manage.redrives.begin({ reason: 'the target is well again', rate: 50 });
   */
  async begin({ signal, timeout, ...redrive }: RedriveOptions): Promise<RedriveView> {
    return asRedrive(await this.#calls.act(PATH, requestOf(redrive), { signal, timeout }));
  }

  /** How far it has come. Throws `NotFoundError` when there is none of this id. */
  async get(redriveId: string, options: CallOptions = {}): Promise<RedriveView> {
    return asRedrive(await this.#calls.look(pathOf(redriveId), {}, options));
  }

  list({ limit, cursor: first, ...options }: PageOptions = {}): RedriveListing {
    return pagedListing(
      async (cursor) => {
        const page = await this.#calls.look(PATH, { limit, cursor }, options);
        return checkedPage<RedrivePage>(page, 'redrives', 'a page of redrives');
      },
      first,
      ({ redrives }) => redrives,
    );
  }

  /** What became of each dead letter that it has come to. */
  items(
    redriveId: string,
    { limit, cursor: first, ...options }: PageOptions = {},
  ): RedriveItemListing {
    return pagedListing(
      async (cursor) => {
        const page = await this.#calls.look(
          `${pathOf(redriveId)}/items`,
          { limit, cursor },
          options,
        );
        return checkedPage<RedriveItemPage>(page, 'items', 'a page of items');
      },
      first,
      ({ items }) => items,
    );
  }

  /** Sends no more; what is out goes on. Throws `ConflictError` when it has ended otherwise. */
  async cancel(
    redriveId: string,
    { reason, ...options }: CancelRedriveOptions,
  ): Promise<RedriveView> {
    return asRedrive(await this.#calls.act(`${pathOf(redriveId)}/cancel`, { reason }, options));
  }

  /** Waits until how all that it has sent has ended is known. Throws `TimeoutError` after `within`. */
  async wait(
    redriveId: string,
    { pollInterval = 1_000, within, ...options }: WaitForRedriveOptions = {},
  ): Promise<RedriveView> {
    const { runtime } = this.#calls;
    const end = within === undefined ? Number.POSITIVE_INFINITY : runtime.now() + within;
    for (;;) {
      const redrive = await this.get(redriveId, options);
      if (redrive.ended_at !== null) return redrive;
      if (runtime.now() + pollInterval > end) {
        throw new TimeoutError(`The redrive has not ended within ${within} ms`, {
          code: 'wait_timeout',
        });
      }
      await sleep(runtime, pollInterval, options.signal);
    }
  }
}

function requestOf({
  filter,
  maxFailurePercent,
  maxItems,
  edit,
  ...others
}: Omit<RedriveOptions, keyof CallOptions>): RedriveRequest {
  return {
    ...others,
    ...(filter !== undefined && { filter: filterOf(filter) }),
    ...(maxFailurePercent !== undefined && { max_failure_percent: maxFailurePercent }),
    ...(maxItems !== undefined && { max_items: maxItems }),
    ...(edit !== undefined && { edit: editOf(edit) }),
  };
}

function pathOf(id: string): string {
  refuseWrongArguments(wantText(id ?? null, 'redriveId'));
  return `${PATH}/${encodeURIComponent(id)}`;
}

function asRedrive(answer: unknown): RedriveView {
  return checkedAnswer<RedriveView>(answer, 'a redrive', ['redrive_id', 'state']);
}

function isDryRun(value: unknown): value is RedriveDryRun {
  return isObject(value) && value['dry_run'] === true && typeof value['count'] === 'number';
}
