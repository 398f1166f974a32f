import { type JsonSchema, objectSchema, type SchemaFor } from './json-schema.ts';

/** Body of `POST /api/v1/webhook-secrets`: replaces both; a secondary that is left out is removed. */
export interface WebhookSecretsRequest {
  readonly primary_secret: string;
  readonly secondary_secret?: string;
}

/** Body of `POST /api/v1/webhook-secrets/rotate`: the stored primary becomes the secondary. */
export interface RotateWebhookSecretsRequest {
  readonly new_secret: string;
}

const secret: SchemaFor<string> = { type: 'string', minLength: 16, maxLength: 512 };

export const WEBHOOK_SECRETS_SCHEMA: JsonSchema = {
  $id: 'webhook-secrets.json',
  ...objectSchema<WebhookSecretsRequest>(
    { primary_secret: true },
    { primary_secret: secret, secondary_secret: secret },
  ),
};

export const ROTATE_WEBHOOK_SECRETS_SCHEMA: JsonSchema = {
  $id: 'rotate-webhook-secrets.json',
  ...objectSchema<RotateWebhookSecretsRequest>({ new_secret: true }, { new_secret: secret }),
};
