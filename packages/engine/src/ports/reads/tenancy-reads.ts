import type { Id } from '../operation.ts';
import type {
  ApiKeyRecord,
  OrganizationRecord,
  SigningKeyRecord,
  WebhookSecretsRecord,
} from '../records.ts';

export interface TenancyReads {
  apiKeyByHash(hash: string): Promise<ApiKeyRecord | null>;
  organizations(): Promise<readonly OrganizationRecord[]>;
  /** The newest first. */
  signingKeys(organization: Id): Promise<readonly SigningKeyRecord[]>;
  webhookSecrets(organization: Id): Promise<WebhookSecretsRecord | null>;
}
