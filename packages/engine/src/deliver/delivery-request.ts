import { type DeliveryPayload, HEADERS, signWebhook } from '@ezthrottle/core/protocol';
import { type HmacContext, standardWebhookHeaders } from './standard-webhook.ts';

export interface DeliveryRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface DeliveryRequestInput extends HmacContext {
  readonly payload: DeliveryPayload;
  /** The organization's primary signing secret; null: unsigned. */
  readonly secret: string | null;
  readonly userAgent: string;
  /** Milliseconds since the epoch: when it is signed, which is when it is sent. */
  readonly now: number;
}

/** One attempt's request: the bytes that are signed are the bytes that are sent. */
export function deliveryRequest(input: DeliveryRequestInput): DeliveryRequest {
  const { payload, secret, hmacSha256 } = input;
  const body = JSON.stringify(payload);
  const headers = {
    'content-type': 'application/json',
    'user-agent': input.userAgent,
    [HEADERS.deliveryId]: payload.delivery_id,
    [HEADERS.attempt]: String(payload.attempt),
  };
  if (secret === null) return { headers, body };
  const timestampSeconds = Math.floor(input.now / 1_000);
  return {
    headers: {
      ...headers,
      [HEADERS.signature]: signWebhook({ body, secret, timestampSeconds }),
      ...standardWebhookHeaders({
        id: payload.delivery_id,
        body,
        secret,
        timestampSeconds,
        hmacSha256,
      }),
    },
    body,
  };
}
