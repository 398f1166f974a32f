import type { AccountDeletionView, RedactionView, RetentionView } from '../protocol/privacy.ts';
import { isObject } from '../http/json.ts';
import type { CallOptions } from '../resources/call-options.ts';
import { checkedAnswer, unexpectedAnswer } from '../resources/checked-answer.ts';
import { type ManagingCalls, onePath } from './managing-calls.ts';

/** How long is kept what after a job's end, in milliseconds. What is left out is as the server has it. */
export interface RetentionOptions {
  readonly jobsMs?: number;
  readonly bodiesMs?: number;
  readonly headersMs?: number;
  readonly attemptsMs?: number;
}

/** What is taken out before it is kept. What is left out is an empty list. */
export interface RedactionOptions {
  readonly responseHeaders?: readonly string[];
  /** Paths into JSON bodies, such as `$.card.number`, `$.items[*].token` or `$..password`. */
  readonly responsePaths?: readonly string[];
  readonly requestHeaders?: readonly string[];
  readonly requestPaths?: readonly string[];
}

const RETENTION = '/api/v1/settings/retention';
const REDACTION = '/api/v1/settings/redaction';

/** `manage.privacy`: what is kept, for how long, and the way out. */
export class Privacy {
  readonly #calls: ManagingCalls;

  constructor(calls: ManagingCalls) {
    this.#calls = calls;
  }

  async retention(options: CallOptions = {}): Promise<RetentionView> {
    return asRetention(await this.#calls.look(RETENTION, {}, options));
  }

  async setRetention(
    { jobsMs, bodiesMs, headersMs, attemptsMs }: RetentionOptions,
    options: CallOptions = {},
  ): Promise<RetentionView> {
    const body = {
      jobs_ms: jobsMs,
      bodies_ms: bodiesMs,
      headers_ms: headersMs,
      attempts_ms: attemptsMs,
    };
    return asRetention(await this.#calls.change('PUT', RETENTION, body, options));
  }

  async redaction(options: CallOptions = {}): Promise<RedactionView> {
    return asRedaction(await this.#calls.look(REDACTION, {}, options));
  }

  async setRedaction(
    { responseHeaders, responsePaths, requestHeaders, requestPaths }: RedactionOptions,
    options: CallOptions = {},
  ): Promise<RedactionView> {
    const body = {
      response_headers: responseHeaders,
      response_paths: responsePaths,
      request_headers: requestHeaders,
      request_paths: requestPaths,
    };
    return asRedaction(await this.#calls.change('PUT', REDACTION, body, options));
  }

  /** Deletes what is stored of an account, bit by bit: live jobs are cancelled. Asked again, it goes on. */
  async deleteAccount(userId: string, options: CallOptions = {}): Promise<AccountDeletionView> {
    return asDeletion(await this.#calls.change('DELETE', dataPath(userId), undefined, options));
  }

  /** How far a deletion has come. Throws `NotFoundError` when none was asked for. */
  async accountDeletion(userId: string, options: CallOptions = {}): Promise<AccountDeletionView> {
    return asDeletion(await this.#calls.look(dataPath(userId), {}, options));
  }
}

function dataPath(userId: string): string {
  return `${onePath('/api/v1/accounts', userId)}/data`;
}

function asRetention(answer: unknown): RetentionView {
  if (!isRetention(answer)) throw unexpectedAnswer('a retention');
  return answer;
}

function isRetention(answer: unknown): answer is RetentionView {
  return isObject(answer) && typeof answer['jobs_ms'] === 'number';
}

function asRedaction(answer: unknown): RedactionView {
  if (!isRedaction(answer)) throw unexpectedAnswer('a redaction');
  return answer;
}

function isRedaction(answer: unknown): answer is RedactionView {
  return isObject(answer) && Array.isArray(answer['response_headers']);
}

function asDeletion(answer: unknown): AccountDeletionView {
  return checkedAnswer<AccountDeletionView>(answer, 'a deletion', ['user_id', 'status']);
}
