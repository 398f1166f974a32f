import type { SecretList, SecretRequest, SecretView } from '../protocol/secret.ts';
import type { CallOptions } from '../resources/call-options.ts';
import { checkedAnswer } from '../resources/checked-answer.ts';
import { checkedList, type ManagingCalls, onePath } from './managing-calls.ts';

const PATH = '/api/v1/secrets';

/** `manage.secrets`: what jobs refer to as `{{secret.NAME}}`. A value goes in and never comes out. */
export class Secrets {
  readonly #calls: ManagingCalls;

  constructor(calls: ManagingCalls) {
    this.#calls = calls;
  }

  /**
   * Stores a secret, or puts it in the place of what it was.
   *
   * @example
   * await manage.secrets.put('OPENAI', { value: key, origins: ['https://api.openai.com'] });
   */
  async put(name: string, secret: SecretRequest, options: CallOptions = {}): Promise<SecretView> {
    return asSecret(await this.#calls.change('PUT', onePath(PATH, name), secret, options));
  }

  async list(options: CallOptions = {}): Promise<readonly SecretView[]> {
    const answer = await this.#calls.look(PATH, {}, options);
    return checkedList<SecretList>(answer, 'secrets', 'a list of secrets').secrets;
  }

  /** Throws `NotFoundError` when there is none of this name. */
  async get(name: string, options: CallOptions = {}): Promise<SecretView> {
    return asSecret(await this.#calls.look(onePath(PATH, name), {}, options));
  }

  /** Jobs that still refer to it fail when they are sent. Throws `NotFoundError` when there is none. */
  async delete(name: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.change('DELETE', onePath(PATH, name), undefined, options);
  }
}

function asSecret(answer: unknown): SecretView {
  return checkedAnswer<SecretView>(answer, 'a secret', ['name']);
}
