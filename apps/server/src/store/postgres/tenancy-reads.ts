import type {
  ApiKeyRecord,
  Id,
  OrganizationRecord,
  SealedRecord,
  SecretRecord,
  SigningKeyRecord,
  TenancyReads,
  WebhookSecretsRecord,
} from '@ezthrottle/engine';
import { restoredApiKey } from '../rows/api-key-rows.ts';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { restoredSecret, SEALED_COLUMNS, sealedRecord } from '../rows/sealed-rows.ts';
import {
  organizationRecord,
  signingKeyRecord,
  webhookSecretsRecord,
} from '../rows/tenancy-rows.ts';
import type { Queryable } from './database.ts';
import { isIdentifier } from './interned.ts';

const OF_ORGANIZATION = `JOIN {organizations} AS organizations
  ON organizations.id = found.organization`;

const API_KEYS = `SELECT found.*, organizations.public_id AS organization_id
  FROM {api_keys} AS found ${OF_ORGANIZATION}`;

const API_KEY_BY_HASH = `${API_KEYS} WHERE found.hash = $1
  UNION ALL ${API_KEYS} WHERE found.previous_hash = $1 LIMIT 1`;

const API_KEYS_OF = `${API_KEYS} WHERE organizations.public_id = $1
  ORDER BY found.revoked_at IS NOT NULL, found.id DESC LIMIT $2`;

const SIGNING_KEYS_OF = `SELECT found.* FROM {signing_keys} AS found ${OF_ORGANIZATION}
  WHERE organizations.public_id = $1 ORDER BY found.id DESC`;

const WEBHOOK_SECRETS_OF = `SELECT found.* FROM {webhook_secrets} AS found ${OF_ORGANIZATION}
  WHERE organizations.public_id = $1`;

const SECRETS = `SELECT found.*, organizations.public_id AS organization_id
  FROM {secrets} AS found ${OF_ORGANIZATION}`;

const SEALED_BY_OTHERS = SEALED_COLUMNS.map(({ kind, table, column, name }) => ({
  kind,
  sql: `SELECT organizations.public_id AS organization_id, ${name} AS place_name,
      ${column}_key_id AS sealed_key_id, ${column}_nonce AS sealed_nonce,
      ${column}_ciphertext AS sealed_ciphertext
    FROM {${table}} AS ${table} JOIN {organizations} AS organizations
      ON organizations.id = ${table}.organization
    WHERE ${column}_key_id <> $1 LIMIT $2`,
}));

export class PostgresTenancyReads implements TenancyReads {
  readonly #database: Queryable;

  constructor(database: Queryable) {
    this.#database = database;
  }

  async apiKeyByHash(hash: string): Promise<ApiKeyRecord | null> {
    const [row] = await this.#database.query(API_KEY_BY_HASH, [hash]);
    return row === undefined ? null : restoredApiKey(row);
  }

  async apiKeys(organization: Id, limit: number): Promise<readonly ApiKeyRecord[]> {
    if (!isIdentifier(organization)) return [];
    const rows = await this.#database.query(API_KEYS_OF, [organization, boundedLimit(limit)]);
    return rows.map(restoredApiKey);
  }

  async apiKey(organization: Id, id: Id): Promise<ApiKeyRecord | null> {
    if (!isIdentifier(organization) || !isIdentifier(id)) return null;
    const sql = `${API_KEYS} WHERE organizations.public_id = $1 AND found.public_id = $2`;
    const [row] = await this.#database.query(sql, [organization, id]);
    return row === undefined ? null : restoredApiKey(row);
  }

  async organizations(): Promise<readonly OrganizationRecord[]> {
    const rows = await this.#database.query('SELECT * FROM {organizations} ORDER BY id');
    return rows.map(organizationRecord);
  }

  async signingKeys(organization: Id): Promise<readonly SigningKeyRecord[]> {
    if (!isIdentifier(organization)) return [];
    const rows = await this.#database.query(SIGNING_KEYS_OF, [organization]);
    return rows.map(signingKeyRecord);
  }

  async secrets(): Promise<readonly SecretRecord[]> {
    return (await this.#database.query(SECRETS)).map(restoredSecret);
  }

  async sealedByOthers(keyId: string, limit: number): Promise<readonly SealedRecord[]> {
    const most = boundedLimit(limit);
    const found: SealedRecord[] = [];
    for (const { kind, sql } of SEALED_BY_OTHERS) {
      if (found.length >= most) break;
      const rows = await this.#database.query(sql, [keyId, most - found.length]);
      found.push(...rows.map((row) => sealedRecord(kind, row)));
    }
    return found;
  }

  async webhookSecrets(organization: Id): Promise<WebhookSecretsRecord | null> {
    if (!isIdentifier(organization)) return null;
    const [row] = await this.#database.query(WEBHOOK_SECRETS_OF, [organization]);
    return row === undefined ? null : webhookSecretsRecord(organization, row);
  }
}
