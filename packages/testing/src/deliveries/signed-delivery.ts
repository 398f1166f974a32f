import type { DeliveryPayload } from '@ezthrottle/core/protocol';
import { deliveryRequest } from '@ezthrottle/engine';
import { hmacSha256 } from '../digest.ts';
import { TEST_SIGNING_SECRET } from '../test-server-options.ts';

/** A delivery as it comes over the wire. */
export interface SignedDelivery {
  readonly method: 'POST';
  /** All in lower case. For `supertest(app).post(path).set(headers).send(body)`, and alike. */
  readonly headers: Readonly<Record<string, string>>;
  /** The very bytes that are signed: send them as they are. */
  readonly body: string;
  readonly payload: DeliveryPayload;
}

export interface SignedDeliveryOptions extends Partial<DeliveryPayload> {
  /** Default: the test server's. */
  readonly secret?: string;
  /** When it is signed, in milliseconds since the epoch. Default: now. */
  readonly signedAt?: number;
}

let deliveries = 0;

/**
 * A result as the server would send it: a success, unless something else is said. Each has its own ids,
 * so that no receiver takes one for a repetition of another.
 */
export function deliveryPayload(fields: Partial<DeliveryPayload> = {}): DeliveryPayload {
  deliveries += 1;
  const number = String(deliveries).padStart(12, '0');
  const status = fields.status ?? 'success';
  const answer = { headers: { 'content-type': 'application/json' }, body: '{}' };
  return {
    delivery_id: `00000000-0000-8000-8000-${number}`,
    endpoint_id: 'ep_test',
    attempt: 1,
    job_id: `00000000-0000-7000-8000-${number}`,
    idempotent_key: `test-${deliveries}`,
    status,
    response: { status_code: status === 'success' ? 200 : 500, ...answer },
    ...(status === 'success' ? {} : { error: 'status_500' }),
    metadata: {},
    ended_at: Date.now(),
    ...fields,
  };
}

/** A payload, signed as the server signs it. */
export function signedDelivery(options: SignedDeliveryOptions = {}): SignedDelivery {
  const { secret = TEST_SIGNING_SECRET, signedAt = Date.now(), ...fields } = options;
  const payload = deliveryPayload(fields);
  const { headers, body } = deliveryRequest({
    payload,
    secret,
    hmacSha256,
    userAgent: 'EZThrottle-Webhooks',
    now: signedAt,
  });
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { method: 'POST', headers: Object.fromEntries(lower), body, payload };
}

/** The same as a `Request`, for `receiver.handle` and for hosts that speak it. */
export function signedRequest(
  options: SignedDeliveryOptions & { readonly url?: string } = {},
): Request {
  const { url = 'http://localhost/webhooks', ...delivery } = options;
  const { method, headers, body } = signedDelivery(delivery);
  return new Request(url, { method, headers, body });
}
