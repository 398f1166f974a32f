import { NotFoundError, ValidationError } from '../errors.ts';
import type { Transport } from '../http/transport.ts';
import type { WebhookSecretsView } from '../protocol/replies.ts';
import { callLimits, type CallOptions } from './call-options.ts';
import { checkedAnswer } from './checked-answer.ts';
import { SigningKeys } from './signing-keys.ts';

const PATH = '/api/v1/webhook-secrets';
const SHORTEST = 16;

export type { WebhookSecretsView };

export interface WebhookSecretsReply {
  readonly status: string;
  readonly message?: string;
}

/** `client.webhookSecrets`: what deliveries are signed with. */
export class WebhookSecrets {
  /** ed25519 keys that sign beside the secrets. */
  readonly signingKeys: SigningKeys;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.signingKeys = new SigningKeys(transport);
    this.#transport = transport;
  }

  /**
   * Sets both secrets; without a secondary one the stored one is removed, which ends a rotation.
   * Throws `ValidationError` when one is shorter than 16 characters.
   */
  async create(
    primarySecret: string,
    secondarySecret?: string,
    options: CallOptions = {},
  ): Promise<WebhookSecretsReply> {
    checkSecrets({ primarySecret, ...(secondarySecret === undefined ? {} : { secondarySecret }) });
    const secondary = secondarySecret === undefined ? {} : { secondary_secret: secondarySecret };
    const body = { primary_secret: primarySecret, ...secondary };
    const limits = callLimits(options);
    return asReply(await this.#transport.send({ method: 'POST', path: PATH, body, ...limits }));
  }

  /** Throws `NotFoundError` when none are set. */
  async get(options: CallOptions = {}): Promise<WebhookSecretsView> {
    const call = { method: 'GET', path: PATH, ...callLimits(options) } as const;
    const view = await this.#transport.send(call);
    return checkedAnswer<WebhookSecretsView>(view, 'a pair of webhook secrets', ['primary_secret']);
  }

  async delete(options: CallOptions = {}): Promise<WebhookSecretsReply> {
    const call = { method: 'DELETE', path: PATH, ...callLimits(options) } as const;
    return asReply(await this.#transport.send(call));
  }

  /**
   * Signs with the new secret from now on and keeps the old one as the secondary, in one step.
   * Where the server cannot do that, or has none, the new one becomes the only one.
   */
  async rotate(newSecret: string, options: CallOptions = {}): Promise<WebhookSecretsReply> {
    checkSecrets({ newSecret });
    try {
      const reply = await this.#transport.send({
        method: 'POST',
        path: `${PATH}/rotate`,
        body: { new_secret: newSecret },
        // A second time would push the old secret out.
        isRepeatable: false,
        ...callLimits(options),
      });
      return asReply(reply);
    } catch (error) {
      if (error instanceof NotFoundError) return this.create(newSecret, undefined, options);
      throw error;
    }
  }
}

function checkSecrets(secrets: Readonly<Record<string, unknown>>): void {
  const problems = Object.entries(secrets).flatMap(([path, secret]) => {
    if (typeof secret === 'string' && secret.length >= SHORTEST) return [];
    const message = typeof secret === 'string' ? 'is too short' : 'is no string';
    return [{ path, message, expected: `a string of at least ${SHORTEST} characters` }];
  });
  if (problems.length === 0) return;
  const names = problems.map(({ path }) => path).join(' and ');
  const message = `${names} must be a string of at least ${SHORTEST} characters`;
  throw new ValidationError(message, problems);
}

function asReply(reply: unknown): WebhookSecretsReply {
  return checkedAnswer<WebhookSecretsReply>(reply, 'a reply about webhook secrets', ['status']);
}
