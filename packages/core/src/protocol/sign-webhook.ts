import { hmacSha256 } from '#hmac';
import { formatSignature, signedContent } from './signature.ts';

/** What is signed, and with what. */
export interface SignWebhookInput {
  /** The body exactly as it will be sent. */
  readonly body: string | Uint8Array;
  /** Its UTF-8 bytes are the key, also when it starts with `whsec_`. Never empty. */
  readonly secret: string;
  /** When it is signed, in Unix seconds. */
  readonly timestampSeconds: number;
}

/** HMAC over `<timestamp>.<body>` in hexadecimal digits, with the timestamp in the characters it has in the header. */
function webhookHmac(secret: string, timestamp: string, body: string | Uint8Array): string {
  return hmacSha256(secret, signedContent(timestamp, body));
}

/**
 * Value of the `X-EZThrottle-Signature` header for this body.
 *
 * @throws {RangeError} for an empty secret, or a time that is not a whole number of seconds.
 * @example
 * headers.set('X-EZThrottle-Signature', signWebhook({ body, secret, timestampSeconds: 1_763_674_210 }));
 */
export function signWebhook(input: SignWebhookInput): string {
  if (input.secret === '') {
    throw new RangeError('secret must not be empty: anyone can sign with an empty one.');
  }
  const signature = webhookHmac(input.secret, String(input.timestampSeconds), input.body);
  return formatSignature(input.timestampSeconds, signature);
}
