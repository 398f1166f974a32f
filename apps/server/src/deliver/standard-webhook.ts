import { createHmac } from 'node:crypto';

export interface StandardWebhookInput {
  readonly id: string;
  readonly body: string;
  /** `whsec_` and the key in base64. */
  readonly secret: string;
  readonly timestampSeconds: number;
}

const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/**
 * The three headers of the Standard Webhooks specification, keyed by the bytes that the secret
 * decodes to; none when the secret has another form.
 */
export function standardWebhookHeaders(input: StandardWebhookInput): Record<string, string> {
  const encoded = SECRET.exec(input.secret)?.[1];
  if (encoded === undefined) return {};
  const key = Buffer.from(encoded, 'base64');
  if (key.length === 0) return {};
  const signature = createHmac('sha256', key)
    .update(`${input.id}.${input.timestampSeconds}.${input.body}`)
    .digest('base64');
  return {
    'webhook-id': input.id,
    'webhook-timestamp': String(input.timestampSeconds),
    'webhook-signature': `v1,${signature}`,
  };
}
