import type { Id } from '../operation.ts';
import type { ApiKeyRecord, OrganizationRecord, WebhookSecretsRecord } from '../records.ts';

export interface TenancyReads {
  apiKeyByHash(hash: string): Promise<ApiKeyRecord | null>;
  organizations(): Promise<readonly OrganizationRecord[]>;
  webhookSecrets(organization: Id): Promise<WebhookSecretsRecord | null>;
}
