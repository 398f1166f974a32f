import type {
  ApiKeyRecord,
  Id,
  OrganizationRecord,
  SigningKeyOperation,
  SigningKeyRecord,
  TenancyOperation,
  TenancyReads,
  Verdict,
  WebhookSecretsRecord,
} from '@ezthrottle/engine';
import { Rejection } from './store-errors.ts';

const OK: Verdict = { verdict: 'ok' };

/** Organizations, their keys and their secrets. */
export class TenancyTables implements TenancyReads {
  readonly #organizations = new Map<Id, OrganizationRecord>();
  readonly #apiKeys = new Map<Id, ApiKeyRecord>();
  readonly #signingKeys = new Map<Id, readonly SigningKeyRecord[]>();
  readonly #secrets = new Map<Id, WebhookSecretsRecord>();

  /** @throws {Rejection} unless the key is known and of this organization. */
  require(organization: Id, apiKey: Id): void {
    if (this.#apiKeys.get(apiKey)?.organization !== organization) {
      throw new Rejection('apiKey: not a key of this organization');
    }
  }

  apply(operation: TenancyOperation): Verdict {
    switch (operation.type) {
      case 'put_organization':
        this.#organizations.set(operation.organization.id, operation.organization);
        return OK;
      case 'put_api_key':
        return this.#putApiKey(operation.apiKey);
      case 'put_webhook_secrets':
        this.requireOrganization(operation.secrets.organization);
        this.#secrets.set(operation.secrets.organization, operation.secrets);
        return OK;
      case 'delete_webhook_secrets':
        this.#secrets.delete(operation.organization);
        return OK;
      case 'rotate_webhook_secrets': {
        const { organization, primary, at } = operation;
        const stored = this.#secrets.get(organization);
        if (stored === undefined) return { verdict: 'gone' };
        const rotated = { organization, primary, secondary: stored.primary, updatedAt: at };
        this.#secrets.set(organization, rotated);
        return OK;
      }
    }
  }

  applyToKeys(operation: SigningKeyOperation): Verdict {
    const { organization } = operation;
    const before = this.keysOf(organization);
    if (operation.type === 'delete_signing_keys') {
      this.#signingKeys.delete(organization);
      return { verdict: 'ok', count: before.length };
    }
    this.requireOrganization(organization);
    const hasOne = before.length > 0;
    if (hasOne !== operation.isRotation) return { verdict: hasOne ? 'stale' : 'gone' };
    this.#signingKeys.set(organization, [operation.key, ...before].slice(0, 2));
    return OK;
  }

  async signingKeys(organization: Id): Promise<readonly SigningKeyRecord[]> {
    return this.keysOf(organization);
  }

  /** At once, for the rules. */
  keysOf(organization: Id): readonly SigningKeyRecord[] {
    return this.#signingKeys.get(organization) ?? [];
  }

  async apiKeyByHash(hash: string): Promise<ApiKeyRecord | null> {
    return this.apiKeyWith(hash);
  }

  apiKeyWith(hash: string): ApiKeyRecord | null {
    return [...this.#apiKeys.values()].find((apiKey) => apiKey.hash === hash) ?? null;
  }

  async organizations(): Promise<readonly OrganizationRecord[]> {
    return [...this.#organizations.values()];
  }

  async webhookSecrets(organization: Id): Promise<WebhookSecretsRecord | null> {
    return this.secretsOf(organization);
  }

  secretsOf(organization: Id): WebhookSecretsRecord | null {
    return this.#secrets.get(organization) ?? null;
  }

  #putApiKey(apiKey: ApiKeyRecord): Verdict {
    this.requireOrganization(apiKey.organization);
    const known = this.#apiKeys.get(apiKey.id);
    if (known !== undefined && known.organization !== apiKey.organization) {
      throw new Rejection('apiKey.organization: the key belongs to another one');
    }
    const sameHash = this.apiKeyWith(apiKey.hash);
    if (sameHash !== null && sameHash.id !== apiKey.id) {
      throw new Rejection('apiKey.hash: another key has it');
    }
    this.#apiKeys.set(apiKey.id, apiKey);
    return OK;
  }

  /** @throws {Rejection} unless the organization is known. */
  requireOrganization(id: Id): void {
    if (!this.#organizations.has(id)) throw new Rejection('organization: not known');
  }
}
