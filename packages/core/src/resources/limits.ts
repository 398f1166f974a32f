import type { LimitPage, LimitSettingsRequest, LimitView } from '../protocol/limit.ts';
import { NotFoundError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import type { Transport } from '../http/transport.ts';
import { wantText } from '../option-checks.ts';
import { callLimits, type CallOptions } from './call-options.ts';
import { refuseWrongArguments } from './argument-checks.ts';
import { checkedAnswer, unexpectedAnswer } from './checked-answer.ts';
import { pagedListing, type PagedListing } from './pages.ts';

/** What a limit is to be. At least one of `rate`, `concurrency` and a pause has to be said. */
export interface LimitOptions {
  /** Units in `perMs`: calls, or what they cost. More than 0, at most 1,000,000. */
  readonly rate?: number;
  /** Milliseconds. Default 1,000: the rate is by the second. */
  readonly perMs?: number;
  /** Units that may go at once after a rest, and the largest cost of one call. Default 1. */
  readonly burst?: number;
  /** Calls under way at the same time. Default: 16 for a destination, else no bound. */
  readonly concurrency?: number;
  /** Whether answers move the rate. Default: only a destination's. */
  readonly adaptive?: boolean;
  /** No answer lowers the rate below this, in units of the rate. */
  readonly floor?: number;
  /** No answer raises the rate above this, in units of the rate. Default: the rate. */
  readonly ceiling?: number;
  /** Nothing is sent until this is taken back. Default false. */
  readonly paused?: boolean;
  /** Nothing is sent before this instant; a number is milliseconds since the epoch. */
  readonly pausedUntil?: number | Date;
  /** Header of an answer that says what the call has really cost. */
  readonly settleHeader?: string;
  /** The same, as a path into a JSON body, for example `$.usage.total_tokens`. */
  readonly settlePath?: string;
  /** Turns of an API key for each one that another key has, 0.1 to 100. Nothing else is said of a key. */
  readonly weight?: number;
}

/** Fields of a limit that change; null takes one away. */
export type LimitChanges = { readonly [Name in keyof LimitOptions]?: LimitOptions[Name] | null };

export interface ChangeLimitOptions extends CallOptions {
  /** Only if this is still its version, else the call ends with the code `precondition_failed`. */
  readonly ifVersion?: string | undefined;
}

export interface PutLimitOptions extends ChangeLimitOptions {
  /** Only if there is none yet, else the call ends with the code `precondition_failed`. */
  readonly ifAbsent?: boolean | undefined;
}

export interface ListLimitsOptions extends CallOptions {
  /** Only keys that begin so. */
  readonly prefix?: string;
  /** Limits of one page. Default 50, at most 100. */
  readonly limit?: number;
  /** `next_cursor` of an earlier page. */
  readonly cursor?: string;
}

/** Limits of the organization by key; pages are fetched as they are needed. */
export type LimitListing = PagedListing<LimitPage, LimitView>;

/** What a limit is called: a name of your own, `destination:<origin>`, `account:<user_id>`, `api-key:<id>`. */
type Key = string;

const PATH = '/api/v1/limits';

/** `client.limits`: what jobs count against, changed while they wait. */
export class Limits {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Makes the limit, or puts it in the place of what it was.
   *
   * @example
   * await client.limits.put('openai-tpm', { rate: 90_000, perMs: 60_000, burst: 8_000 });
   */
  async put(key: Key, limit: LimitOptions, options: PutLimitOptions = {}): Promise<LimitView> {
    return this.#change('PUT', key, limit, options);
  }

  /** Changes the fields that are given. Throws `NotFoundError` when there is no such limit. */
  async update(
    key: Key,
    changes: LimitChanges,
    options: ChangeLimitOptions = {},
  ): Promise<LimitView> {
    return this.#change('PATCH', key, changes, options);
  }

  /** Throws `NotFoundError` when there is no such limit in this organization. */
  async get(key: Key, options: CallOptions = {}): Promise<LimitView> {
    const call = { method: 'GET', path: pathOf(key), ...callLimits(options) } as const;
    return asLimit(await this.#transport.send(call));
  }

  /**
   * @example
   * for await (const limit of client.limits.list({ prefix: 'openai-' })) console.log(limit.key);
   */
  list(options: ListLimitsOptions = {}): LimitListing {
    return pagedListing(
      (cursor) => this.#page(options, cursor),
      options.cursor,
      ({ limits }) => limits,
    );
  }

  /** Throws `NotFoundError` when there is no such limit. */
  async delete(key: Key, options: ChangeLimitOptions = {}): Promise<void> {
    await this.#transport.send({
      method: 'DELETE',
      path: pathOf(key),
      ...callLimits(options),
      ...conditions(options),
    });
  }

  async #change(
    method: 'PUT' | 'PATCH',
    key: Key,
    fields: LimitChanges,
    options: PutLimitOptions,
  ): Promise<LimitView> {
    const answer = await this.#transport.send({
      method,
      path: pathOf(key),
      body: wireOf(fields),
      ...callLimits(options),
      ...conditions(options),
    });
    return asLimit(answer);
  }

  async #page(
    { prefix, limit, ...options }: ListLimitsOptions,
    cursor: string | undefined,
  ): Promise<LimitPage> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ prefix, limit, cursor })) {
      if (value !== undefined) query.set(name, String(value));
    }
    const page = await this.#transport.send({
      method: 'GET',
      path: `${PATH}?${query.toString()}`,
      ...callLimits(options),
    });
    if (!isLimitPage(page)) throw unexpectedAnswer('a page of limits');
    return page;
  }
}

function pathOf(key: Key): string {
  refuseWrongArguments(wantText(key ?? null, 'key'));
  // An address ends before a segment of dots, or of nothing: the call would be about the list.
  if (/^\.{0,2}$/.test(key)) throw new NotFoundError(`"${key}" cannot be the key of a limit`);
  return `${PATH}/${encodeURIComponent(key)}`;
}

/** A condition that held the first time does not hold the second: then nothing is tried again. */
function conditions({ ifVersion, ifAbsent }: PutLimitOptions): {
  readonly headers?: Readonly<Record<string, string>>;
  readonly isRepeatable?: false;
} {
  const headers = {
    ...(ifVersion === undefined ? {} : { 'If-Match': `"${ifVersion}"` }),
    ...(ifAbsent === true ? { 'If-None-Match': '*' } : {}),
  };
  return Object.keys(headers).length === 0 ? {} : { headers, isRepeatable: false };
}

/** Fields that are undefined are left out with the JSON. */
function wireOf({
  perMs: per_ms,
  pausedUntil,
  settleHeader: settle_header,
  settlePath: settle_path,
  ...others
}: LimitChanges): object {
  const paused_until = pausedUntil instanceof Date ? pausedUntil.getTime() : pausedUntil;
  const renamed = { per_ms, paused_until, settle_header, settle_path };
  return { ...others, ...renamed } satisfies { [Name in keyof LimitSettingsRequest]: unknown };
}

function asLimit(answer: unknown): LimitView {
  return checkedAnswer<LimitView>(answer, 'a limit', ['key', 'version']);
}

function isLimitPage(value: unknown): value is LimitPage {
  if (!isObject(value) || !Array.isArray(value['limits'])) return false;
  return value['next_cursor'] === null || typeof value['next_cursor'] === 'string';
}
