import type { DeliveryPayload } from '@ezthrottle/core/protocol';
import { deliveryRequest } from '@ezthrottle/engine';
import { TEST_SIGNING_SECRET } from '../test-server-options.ts';
import { checkDelivery } from './check-delivery.ts';
import { deliveryPayload } from './delivery-payload.ts';
import { TEST_KEYS } from './sender-keys.ts';
import { signHeaders, type SigningScheme } from './sign-headers.ts';

/** A delivery as it comes over the wire, in the shapes that tools which inject requests want. */
export interface SignedRequest {
  readonly method: 'POST';
  /** Path and query. Not `path`: Fastify's `inject` takes one of the two only. */
  readonly url: string;
  /** All in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The very text that is signed: send it as it is. */
  readonly body: string;
  /** The body once more, by the name that Fastify's `inject` has for it. */
  readonly payload: string;
  /** What the body says, unless that was given as a text. */
  readonly delivery: DeliveryPayload;
  /** For `receiver.handle` and hosts that speak `Request`. A new one each time. */
  toRequest(): Request;
}

export interface SignedRequestOptions extends Partial<DeliveryPayload> {
  /** A path, or an address whose host `toRequest()` keeps. Default `/webhooks`, of `http://localhost`. */
  readonly url?: string;
  /** Sent and signed instead of a delivery, such as a payload of another server. */
  readonly body?: string;
  /** Default: the test server's. */
  readonly secret?: string;
  /** For ed25519: 32 bytes in base64, `whsk_` before them or not. Default: that of `TEST_KEYS`. */
  readonly privateKey?: string;
  /**
   * In which ways it is signed; none at all for an empty list. Default as the server does it:
   * `ezthrottle`, and `standard-webhooks` when the secret has its form.
   */
  readonly schemes?: readonly SigningScheme[];
  /** When it is signed, in milliseconds since the epoch. Default: now. */
  readonly signedAt?: number;
}

const AS_THE_SERVER: readonly SigningScheme[] = ['ezthrottle', 'standard-webhooks'];

/**
 * A delivery, signed: of a success, unless other fields are given. Each has its own ids, so that no
 * receiver takes one for a repetition of another.
 *
 * @throws {TypeError} when the URL is none.
 * @throws {RangeError} when the secret is empty, or the private key is none.
 * @throws {TestServerError} `invalid_delivery` for fields that no delivery has, and schemes that there are not.
 * @example
 * const signed = signedRequest({ url: '/webhooks', secret });
 * await supertest(app).post(signed.url).set(signed.headers).send(signed.body);
 * await fastify.inject(signed);
 * await hono.request(signed.url, signed);
 * await receiver.handle(signed.toRequest());
 */
export function signedRequest(options: SignedRequestOptions = {}): SignedRequest {
  const {
    url: address = '/webhooks',
    body: text,
    secret = TEST_SIGNING_SECRET,
    privateKey = TEST_KEYS.privateKey,
    schemes = AS_THE_SERVER,
    signedAt = Date.now(),
    ...fields
  } = options;
  checkDelivery(fields);
  const delivery = deliveryPayload(fields);
  const unsigned = deliveryRequest({
    payload: delivery,
    secret: null,
    userAgent: 'EZThrottle-Webhooks',
    now: signedAt,
  });
  const body = text ?? unsigned.body;
  const timestampSeconds = Math.floor(signedAt / 1_000);
  const id = delivery.delivery_id;
  const signatures = signHeaders(schemes, { id, body, secret, privateKey, timestampSeconds });
  const headers = inLowerCase({ ...unsigned.headers, ...signatures });
  const { href, pathname, search } = new URL(address, 'http://localhost');
  return {
    method: 'POST',
    url: pathname + search,
    headers,
    body,
    payload: body,
    delivery,
    toRequest: () => new Request(href, { method: 'POST', headers, body }),
  };
}

function inLowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
