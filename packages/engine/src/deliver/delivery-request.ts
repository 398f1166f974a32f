import { type DeliveryPayload, HEADERS, signWebhook } from '@ezthrottle/core/protocol';
import { type SigningContext, standardWebhookHeaders } from './standard-webhook.ts';

export interface DeliveryRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface DeliveryRequestInput extends SigningContext {
  readonly payload: DeliveryPayload;
  /** The organization's primary signing secret; null: unsigned. */
  readonly secret: string | null;
  /**
   * Further keys that sign for Standard Webhooks beside the secret: the one before a rotation, an
   * ed25519 key (`whsk_`). Receivers need to know one of them. Default: none.
   */
  readonly furtherKeys?: readonly string[];
  readonly userAgent: string;
  /** Milliseconds since the epoch: when it is signed, which is when it is sent. */
  readonly now: number;
}

/** One attempt's request: the bytes that are signed are the bytes that are sent. */
export function deliveryRequest(input: DeliveryRequestInput): DeliveryRequest {
  const { payload, secret, furtherKeys = [], ed25519 } = input;
  const body = JSON.stringify(payload);
  const headers = {
    'content-type': 'application/json',
    'user-agent': input.userAgent,
    [HEADERS.deliveryId]: payload.delivery_id,
    [HEADERS.attempt]: String(payload.attempt),
  };
  const timestampSeconds = Math.floor(input.now / 1_000);
  const standard = standardWebhookHeaders({
    id: payload.delivery_id,
    body,
    secret,
    furtherKeys,
    timestampSeconds,
    ed25519,
  });
  if (secret === null) return { headers: { ...headers, ...standard }, body };
  return {
    headers: {
      ...headers,
      [HEADERS.signature]: signWebhook({ body, secret, timestampSeconds }),
      ...standard,
    },
    body,
  };
}
