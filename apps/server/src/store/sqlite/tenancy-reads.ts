import type {
  ApiKeyRecord,
  Id,
  OrganizationRecord,
  SealedText,
  TenancyReads,
  WebhookSecretsRecord,
} from '@ezthrottle/engine';
import type { Connection, Row, Statement } from './connection.ts';
import { identifierBytes } from './identifier.ts';
import { identifier, integer, optionalInteger, text, word } from './row.ts';

export class SqliteTenancyReads implements TenancyReads {
  readonly #apiKeyByHash: Statement;
  readonly #organizations: Statement;
  readonly #webhookSecrets: Statement;

  constructor(connection: Connection) {
    this.#apiKeyByHash = connection.prepare(
      `SELECT api_keys.*, organizations.public_id AS organization_id
       FROM api_keys JOIN organizations ON organizations.id = api_keys.organization
       WHERE api_keys.hash = ?`,
    );
    this.#organizations = connection.prepare('SELECT * FROM organizations ORDER BY id');
    this.#webhookSecrets = connection.prepare(
      `SELECT webhook_secrets.* FROM webhook_secrets
       JOIN organizations ON organizations.id = webhook_secrets.organization
       WHERE organizations.public_id = ?`,
    );
  }

  async apiKeyByHash(hash: string): Promise<ApiKeyRecord | null> {
    const row = this.#apiKeyByHash.get(hash);
    if (row === undefined) return null;
    return {
      id: identifier(row, 'public_id'),
      organization: identifier(row, 'organization_id'),
      name: text(row, 'name'),
      hash: text(row, 'hash'),
      dialect: word(row, 'dialect', ['ezthrottle', 'spooled']),
      createdAt: integer(row, 'created_at'),
      expiresAt: optionalInteger(row, 'expires_at'),
    };
  }

  async organizations(): Promise<readonly OrganizationRecord[]> {
    return this.#organizations.all().map((row) => ({
      id: identifier(row, 'public_id'),
      name: text(row, 'name'),
      createdAt: integer(row, 'created_at'),
    }));
  }

  async webhookSecrets(organization: Id): Promise<WebhookSecretsRecord | null> {
    const bytes = identifierBytes(organization);
    const row = bytes === null ? undefined : this.#webhookSecrets.get(bytes);
    if (row === undefined) return null;
    return {
      organization,
      primary: sealed(row, 'primary'),
      secondary: row['secondary_key_id'] === null ? null : sealed(row, 'secondary'),
      updatedAt: integer(row, 'updated_at'),
    };
  }
}

function sealed(row: Row, prefix: 'primary' | 'secondary'): SealedText {
  return {
    keyId: text(row, `${prefix}_key_id`),
    nonce: text(row, `${prefix}_nonce`),
    ciphertext: text(row, `${prefix}_ciphertext`),
  };
}
