import type { Id } from '../operation.ts';
import type {
  ApiKeyRecord,
  OrganizationRecord,
  SealedRecord,
  SecretRecord,
  SigningKeyRecord,
  WebhookSecretsRecord,
} from '../records.ts';

export interface TenancyReads {
  /** Also by the hash of what it was before its rotation; whether that opens still, the record says. */
  apiKeyByHash(hash: string): Promise<ApiKeyRecord | null>;
  /** Those that are not revoked first, then the newest first. */
  apiKeys(organization: Id, limit: number): Promise<readonly ApiKeyRecord[]>;
  /** Null when unknown or of another organization. */
  apiKey(organization: Id, id: Id): Promise<ApiKeyRecord | null>;
  organizations(): Promise<readonly OrganizationRecord[]>;
  /** The newest first. */
  signingKeys(organization: Id): Promise<readonly SigningKeyRecord[]>;
  /** Those of everybody: for a start. */
  secrets(): Promise<readonly SecretRecord[]>;
  /** Sealed texts that another master key than this one sealed, at most `limit`, in no order. */
  sealedByOthers(keyId: string, limit: number): Promise<readonly SealedRecord[]>;
  webhookSecrets(organization: Id): Promise<WebhookSecretsRecord | null>;
}
