import type {
  ApiKeyRecord,
  Id,
  OrganizationRecord,
  SealedRecord,
  SecretOperation,
  SecretRecord,
  SigningKeyOperation,
  SigningKeyRecord,
  TenancyOperation,
  TenancyReads,
  Verdict,
  WebhookSecretsRecord,
} from '@ezthrottle/engine';
import { Rejection } from './store-errors.ts';

function secretPlace(organization: Id, name: string): string {
  return `${organization} ${name}`;
}

const OK: Verdict = { verdict: 'ok' };

/** Organizations, their keys and their secrets. */
export class TenancyTables implements TenancyReads {
  readonly #organizations = new Map<Id, OrganizationRecord>();
  readonly #apiKeys = new Map<Id, ApiKeyRecord>();
  readonly #signingKeys = new Map<Id, readonly SigningKeyRecord[]>();
  readonly #jobSecrets = new Map<string, SecretRecord>();
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
        return this.#putApiKey(operation.apiKey, operation.replaces);
      case 'touch_api_keys':
        return this.#touch(operation.rows);
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

  applyToSecrets(operation: SecretOperation): Verdict {
    switch (operation.type) {
      case 'put_secret': {
        const { secret } = operation;
        this.requireOrganization(secret.organization);
        const place = secretPlace(secret.organization, secret.name);
        const createdAt = this.#jobSecrets.get(place)?.createdAt ?? secret.createdAt;
        this.#jobSecrets.set(place, { ...secret, createdAt });
        return OK;
      }
      case 'delete_secret': {
        const place = secretPlace(operation.organization, operation.name);
        return this.#jobSecrets.delete(place) ? OK : { verdict: 'gone' };
      }
      case 'reseal':
        return this.#reseal(operation);
    }
  }

  async secrets(): Promise<readonly SecretRecord[]> {
    return [...this.#jobSecrets.values()];
  }

  async sealedByOthers(keyId: string, limit: number): Promise<readonly SealedRecord[]> {
    return this.#sealed()
      .filter(({ sealed }) => sealed.keyId !== keyId)
      .slice(0, limit);
  }

  #sealed(): readonly SealedRecord[] {
    const name = '';
    const webhooks = [...this.#secrets.values()].flatMap(({ organization, primary, secondary }) => [
      { kind: 'webhook_primary' as const, organization, name, sealed: primary },
      ...(secondary === null
        ? []
        : [{ kind: 'webhook_secondary' as const, organization, name, sealed: secondary }]),
    ]);
    const keys = [...this.#signingKeys].flatMap(([organization, own]) =>
      own.map(({ publicKey, seed }) => ({
        kind: 'signing_key' as const,
        organization,
        name: publicKey,
        sealed: seed,
      })),
    );
    const secrets = [...this.#jobSecrets.values()].map((secret) => ({
      kind: 'secret' as const,
      organization: secret.organization,
      name: secret.name,
      sealed: secret.value,
    }));
    return [...webhooks, ...keys, ...secrets];
  }

  #reseal({ place, was, sealed }: Extract<SecretOperation, { type: 'reseal' }>): Verdict {
    const { kind, organization, name } = place;
    const isThere = this.#sealed().some(
      (one) =>
        one.kind === kind &&
        one.organization === organization &&
        one.name === name &&
        one.sealed.ciphertext === was.ciphertext &&
        one.sealed.nonce === was.nonce,
    );
    if (!isThere) return { verdict: 'stale' };
    const webhook = this.#secrets.get(organization);
    const secret = this.#jobSecrets.get(secretPlace(organization, name));
    if (kind === 'signing_key') {
      const keys = this.keysOf(organization);
      this.#signingKeys.set(
        organization,
        keys.map((key) => (key.publicKey === name ? { ...key, seed: sealed } : key)),
      );
    } else if (kind === 'secret' && secret !== undefined) {
      this.#jobSecrets.set(secretPlace(organization, name), { ...secret, value: sealed });
    } else if (webhook !== undefined) {
      const field = kind === 'webhook_primary' ? 'primary' : 'secondary';
      this.#secrets.set(organization, { ...webhook, [field]: sealed });
    }
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
    const isSame = ({ hash: own, previous }: ApiKeyRecord): boolean =>
      own === hash || previous?.hash === hash;
    return [...this.#apiKeys.values()].find(isSame) ?? null;
  }

  async apiKeys(organization: Id, limit: number): Promise<readonly ApiKeyRecord[]> {
    const own = [...this.#apiKeys.values()].filter((key) => key.organization === organization);
    const newestFirst = own.toReversed();
    const [live, revoked] = [true, false].map((isLive) =>
      newestFirst.filter(({ revokedAt }) => (revokedAt === null) === isLive),
    );
    return [...(live ?? []), ...(revoked ?? [])].slice(0, limit);
  }

  async apiKey(organization: Id, id: Id): Promise<ApiKeyRecord | null> {
    const found = this.#apiKeys.get(id);
    return found?.organization === organization ? found : null;
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

  #putApiKey(apiKey: ApiKeyRecord, replaces?: string): Verdict {
    this.requireOrganization(apiKey.organization);
    const known = this.#apiKeys.get(apiKey.id);
    if (known !== undefined && known.organization !== apiKey.organization) {
      throw new Rejection('apiKey.organization: the key belongs to another one');
    }
    if (replaces !== undefined && known?.hash !== replaces) return { verdict: 'stale' };
    const sameHash = this.apiKeyWith(apiKey.hash);
    if (sameHash !== null && sameHash.id !== apiKey.id) {
      throw new Rejection('apiKey.hash: another key has it');
    }
    const lastUsedAt = known === undefined ? apiKey.lastUsedAt : known.lastUsedAt;
    this.#apiKeys.set(apiKey.id, { ...apiKey, lastUsedAt });
    return OK;
  }

  #touch(rows: readonly { readonly id: Id; readonly at: number }[]): Verdict {
    let count = 0;
    for (const { id, at } of rows) {
      const key = this.#apiKeys.get(id);
      if (key === undefined || (key.lastUsedAt ?? 0) >= at) continue;
      this.#apiKeys.set(id, { ...key, lastUsedAt: at });
      count += 1;
    }
    return { verdict: 'ok', count };
  }

  /** @throws {Rejection} unless the organization is known. */
  requireOrganization(id: Id): void {
    if (!this.#organizations.has(id)) throw new Rejection('organization: not known');
  }
}
