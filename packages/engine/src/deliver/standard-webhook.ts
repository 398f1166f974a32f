import { decodeBase64 } from '../admit/digest.ts';

/** HMAC-SHA256 as an argument: Node's or a portable one, as long as it answers at once. */
export interface HmacContext {
  readonly hmacSha256: (key: Uint8Array, content: string) => Uint8Array;
}

export interface StandardWebhookInput extends HmacContext {
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
  const key = keyOf(input.secret);
  if (key === null) return {};
  const content = `${input.id}.${input.timestampSeconds}.${input.body}`;
  const digest = input.hmacSha256(key, content);
  const signature = btoa(Array.from(digest, (byte) => String.fromCharCode(byte)).join(''));
  return {
    'webhook-id': input.id,
    'webhook-timestamp': String(input.timestampSeconds),
    'webhook-signature': `v1,${signature}`,
  };
}

function keyOf(secret: string): Uint8Array | null {
  const encoded = SECRET.exec(secret)?.[1];
  // One digit alone, or padding that does not fit, stands for no bytes.
  const digits = encoded?.replace(/=+$/, '') ?? '';
  if (digits === '' || digits.length % 4 === 1) return null;
  return decodeBase64(digits);
}
