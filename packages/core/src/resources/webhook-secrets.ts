import { NotFoundError, ValidationError } from '../errors.ts';
import type { Transport } from '../http/transport.ts';
import { checkedAnswer } from './checked-answer.ts';

const PATH = '/api/v1/webhook-secrets';
const SHORTEST = 16;

/** The organization's signing secrets; all but the first and last four characters are masked. */
export interface WebhookSecretsView {
  readonly customer_id: string;
  readonly primary_secret: string;
  readonly secondary_secret: string | null;
  readonly has_secondary: boolean;
}

export interface WebhookSecretsReply {
  readonly status: string;
  readonly message?: string;
}

/** `client.webhookSecrets`: what deliveries are signed with. */
export class WebhookSecrets {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Sets both secrets; without a secondary one the stored one is removed, which ends a rotation.
   * Throws `ValidationError` when one is shorter than 16 characters.
   */
  async create(primarySecret: string, secondarySecret?: string): Promise<WebhookSecretsReply> {
    checkSecrets({ primarySecret, ...(secondarySecret === undefined ? {} : { secondarySecret }) });
    const secondary = secondarySecret === undefined ? {} : { secondary_secret: secondarySecret };
    const body = { primary_secret: primarySecret, ...secondary };
    return asReply(await this.#transport.send({ method: 'POST', path: PATH, body }));
  }

  /** Throws `NotFoundError` when none are set. */
  async get(): Promise<WebhookSecretsView> {
    const view = await this.#transport.send({ method: 'GET', path: PATH });
    return checkedAnswer<WebhookSecretsView>(view, 'a pair of webhook secrets', ['primary_secret']);
  }

  async delete(): Promise<WebhookSecretsReply> {
    return asReply(await this.#transport.send({ method: 'DELETE', path: PATH }));
  }

  /**
   * Signs with the new secret from now on and keeps the old one as the secondary, in one step.
   * Where the server cannot do that, or has none, the new one becomes the only one.
   */
  async rotate(newSecret: string): Promise<WebhookSecretsReply> {
    checkSecrets({ newSecret });
    try {
      const reply = await this.#transport.send({
        method: 'POST',
        path: `${PATH}/rotate`,
        body: { new_secret: newSecret },
        // A second time would push the old secret out.
        isRepeatable: false,
      });
      return asReply(reply);
    } catch (error) {
      if (error instanceof NotFoundError) return this.create(newSecret);
      throw error;
    }
  }
}

function checkSecrets(secrets: Readonly<Record<string, string>>): void {
  const problems = Object.entries(secrets).flatMap(([path, secret]) =>
    secret.length >= SHORTEST
      ? []
      : [{ path, message: 'is too short', expected: `at least ${SHORTEST} characters` }],
  );
  if (problems.length === 0) return;
  const names = problems.map(({ path }) => path).join(' and ');
  throw new ValidationError(`${names} must be at least ${SHORTEST} characters`, problems);
}

function asReply(reply: unknown): WebhookSecretsReply {
  return checkedAnswer<WebhookSecretsReply>(reply, 'a reply about webhook secrets', ['status']);
}
