import { base64, decodeBase64 } from '../admit/digest.ts';

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
  return {
    'webhook-id': input.id,
    'webhook-timestamp': String(input.timestampSeconds),
    'webhook-signature': `v1,${base64(digest)}`,
  };
}

/** An organization has one secret or two, and signs all its deliveries with them. */
const MAX_KEYS = 1_000;
const keys = new Map<string, Uint8Array | null>();

/** The same bytes object for the same secret, so that whoever signs can remember what it made of it. */
function keyOf(secret: string): Uint8Array | null {
  const known = keys.get(secret);
  if (known !== undefined) return known;
  if (keys.size >= MAX_KEYS) keys.clear();
  const key = decodedKey(secret);
  keys.set(secret, key);
  return key;
}

function decodedKey(secret: string): Uint8Array | null {
  const encoded = SECRET.exec(secret)?.[1];
  // One digit alone, or padding that does not fit, stands for no bytes.
  const digits = encoded?.replace(/=+$/, '') ?? '';
  if (digits === '' || digits.length % 4 === 1) return null;
  return decodeBase64(digits);
}
