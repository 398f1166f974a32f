import { hmacSha256 } from '#hmac';

/** What is signed by the Standard Webhooks specification, and with what. */
export interface SignStandardWebhookInput {
  /** The message's own, as in its `webhook-id` header. */
  readonly id: string;
  /** The body exactly as it will be sent. */
  readonly body: string;
  /** The bytes that stand in base64 behind `whsec_`. The same object for the same secret is quicker. */
  readonly key: Uint8Array;
  /** When it is signed, in Unix seconds. */
  readonly timestampSeconds: number;
}

/** One signature for a `webhook-signature` header: `v1,` and the HMAC over id, time and body in base64. */
export function signStandardWebhook({
  id,
  body,
  key,
  timestampSeconds,
}: SignStandardWebhookInput): string {
  return `v1,${hmacSha256(key, [`${id}.${timestampSeconds}.`, body], 'base64')}`;
}
