import type {
  ApiKeyList,
  ApiKeyRequest,
  ApiKeyScope,
  ApiKeyView,
  NewApiKeyView,
  RotateApiKeyRequest,
} from '../protocol/api-key.ts';
import type { CallOptions } from '../resources/call-options.ts';
import { checkedAnswer } from '../resources/checked-answer.ts';
import { checkedList, type ManagingCalls, onePath } from './managing-calls.ts';

export interface NewApiKeyOptions {
  /** 1 to 100 characters. */
  readonly name: string;
  /** Default: those of the key that asks. It cannot give what it does not have. */
  readonly scopes?: readonly ApiKeyScope[];
  /** A number is milliseconds since the epoch. Default: it does not expire. */
  readonly expiresAt?: number | Date;
}

export interface RotateApiKeyOptions {
  /** How long the key before is still taken, in milliseconds, at most 30 days. Default: a day; 0: not at all. */
  readonly overlapMs?: number;
  /** When the new one expires. Default: as the one before. */
  readonly expiresAt?: number | Date;
}

const PATH = '/api/v1/api-keys';

/** `manage.apiKeys`: who may do what. A key is shown once, in the answer to the call that made it. */
export class ApiKeys {
  readonly #calls: ManagingCalls;

  constructor(calls: ManagingCalls) {
    this.#calls = calls;
  }

  /**
   * Makes a key. It is not tried again by itself: when the answer is lost, look at the list.
   *
   * @example
   * const { api_key } = await manage.apiKeys.create({ name: 'billing', scopes: ['submit'] });
   */
  async create(
    { name, scopes, expiresAt }: NewApiKeyOptions,
    options: CallOptions = {},
  ): Promise<NewApiKeyView> {
    const body: ApiKeyRequest = {
      name,
      ...(scopes !== undefined && { scopes }),
      ...(expiresAt !== undefined && { expires_at: instant(expiresAt) }),
    };
    return asNew(await this.#calls.change('POST', PATH, body, options));
  }

  async list(options: CallOptions = {}): Promise<readonly ApiKeyView[]> {
    const answer = await this.#calls.look(PATH, {}, options);
    return checkedList<ApiKeyList>(answer, 'api_keys', 'a list of API keys').api_keys;
  }

  /** Throws `NotFoundError` when there is none of this id. */
  async get(id: string, options: CallOptions = {}): Promise<ApiKeyView> {
    return asKey(await this.#calls.look(onePath(PATH, id), {}, options));
  }

  /**
   * A new key in the place of this one, under the same id. The one before is taken for a while. Throws
   * `ConflictError` when it has expired, was revoked, or was rotated at this very moment.
   */
  async rotate(
    id: string,
    { overlapMs, expiresAt }: RotateApiKeyOptions = {},
    options: CallOptions = {},
  ): Promise<NewApiKeyView> {
    const body: RotateApiKeyRequest = {
      ...(overlapMs !== undefined && { overlap_ms: overlapMs }),
      ...(expiresAt !== undefined && { expires_at: instant(expiresAt) }),
    };
    return asNew(await this.#calls.change('POST', `${onePath(PATH, id)}/rotate`, body, options));
  }

  /** It opens nothing from now on. */
  async revoke(id: string, options: CallOptions = {}): Promise<ApiKeyView> {
    return asKey(await this.#calls.change('DELETE', onePath(PATH, id), undefined, options));
  }
}

function instant(moment: number | Date): number {
  return moment instanceof Date ? moment.getTime() : moment;
}

function asKey(answer: unknown): ApiKeyView {
  return checkedAnswer<ApiKeyView>(answer, 'an API key', ['id', 'name']);
}

function asNew(answer: unknown): NewApiKeyView {
  return checkedAnswer<NewApiKeyView>(answer, 'a new API key', ['id', 'api_key']);
}
