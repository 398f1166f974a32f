import type { Transport } from '../http/transport.ts';
import type { SigningKeysView } from '../protocol/webhook-endpoint.ts';
import { callLimits, type CallOptions } from './call-options.ts';
import { checkedAnswer } from './checked-answer.ts';

const PATH = '/api/v1/webhook-secrets/signing-keys';

/** `client.webhookSecrets.signingKeys`: ed25519 keys, of which only the server has the secret half. */
export class SigningKeys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Makes the first key. Throws `ConflictError` when there is one. */
  create(options: CallOptions = {}): Promise<SigningKeysView> {
    return this.#keys('POST', PATH, options);
  }

  /** Throws `NotFoundError` when there are none. */
  get(options: CallOptions = {}): Promise<SigningKeysView> {
    return this.#keys('GET', PATH, options);
  }

  /** Makes a new key; the one before signs beside it until the next rotation. */
  rotate(options: CallOptions = {}): Promise<SigningKeysView> {
    return this.#keys('POST', `${PATH}/rotate`, options);
  }

  async delete(options: CallOptions = {}): Promise<void> {
    await this.#transport.send({ method: 'DELETE', path: PATH, ...callLimits(options) });
  }

  async #keys(
    method: 'GET' | 'POST',
    path: string,
    options: CallOptions,
  ): Promise<SigningKeysView> {
    // A second time would push the old key out.
    const call = { method, path, isRepeatable: method === 'GET', ...callLimits(options) };
    const answer = await this.#transport.send(call);
    return checkedAnswer<SigningKeysView>(answer, 'signing keys', ['public_key']);
  }
}
