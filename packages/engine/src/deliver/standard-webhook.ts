import { signStandardWebhook } from '@ezthrottle/core/protocol';
import { base64, decodeBase64 } from '../admit/digest.ts';

/** Signing with key pairs as an argument: Node's or a portable way, as long as it answers at once. */
export interface SigningContext {
  /** Ed25519 over the UTF-8 bytes of `content`, by a seed of 32 bytes. Absent: such keys do not sign. */
  readonly ed25519?: ((seed: Uint8Array, content: string) => Uint8Array) | undefined;
}

export interface StandardWebhookInput extends SigningContext {
  readonly id: string;
  readonly body: string;
  /** `whsec_` (HMAC) or `whsk_` (ed25519) and the key in base64. */
  readonly secret: string | null;
  /** Keys that sign as well, for receivers that know only one of them. Default: none. */
  readonly furtherKeys?: readonly string[];
  readonly timestampSeconds: number;
}

/** Keys that sign one request; further ones are left out. */
const MAX_SIGNATURES = 4;
const KEY = /^(whsec|whsk)_([A-Za-z0-9+/]+={0,2})$/;
const SEED_BYTES = 32;

/**
 * The three headers of the Standard Webhooks specification, with one signature for each key: `v1` by
 * HMAC-SHA256, `v1a` by ed25519. None when no key has a form that can sign.
 */
export function standardWebhookHeaders(input: StandardWebhookInput): Record<string, string> {
  const { secret, furtherKeys = [] } = input;
  const signatures: string[] = [];
  for (const key of signersOf(secret, furtherKeys)) {
    const signature = signatureBy(key, input);
    if (signature !== null) signatures.push(signature);
  }
  if (signatures.length === 0) return {};
  return {
    'webhook-id': input.id,
    'webhook-timestamp': String(input.timestampSeconds),
    'webhook-signature': signatures.join(' '),
  };
}

function signersOf(secret: string | null, furtherKeys: readonly string[]): readonly string[] {
  if (secret !== null && furtherKeys.length === 0) return [secret];
  const all = secret === null ? furtherKeys : [secret, ...furtherKeys];
  return [...new Set(all)].slice(0, MAX_SIGNATURES);
}

function signatureBy(text: string, input: StandardWebhookInput): string | null {
  const key = keyOf(text);
  if (key === null) return null;
  const { id, body, timestampSeconds, ed25519 } = input;
  if (key.kind === 'hmac')
    return signStandardWebhook({ id, body, key: key.bytes, timestampSeconds });
  if (ed25519 === undefined) return null;
  return `v1a,${base64(ed25519(key.bytes, `${id}.${timestampSeconds}.${body}`))}`;
}

interface Key {
  readonly kind: 'hmac' | 'ed25519';
  readonly bytes: Uint8Array;
}

/** An organization has a few keys, and signs all its deliveries with them. */
const MAX_KEYS = 1_000;
const keys = new Map<string, Key | null>();

/** The same bytes object for the same text, so that whoever signs can remember what it made of it. */
function keyOf(text: string): Key | null {
  const known = keys.get(text);
  if (known !== undefined) return known;
  if (keys.size >= MAX_KEYS) keys.clear();
  const key = decodedKey(text);
  keys.set(text, key);
  return key;
}

function decodedKey(text: string): Key | null {
  const [, prefix, encoded = ''] = KEY.exec(text) ?? [];
  // One digit alone, or padding that does not fit, stands for no bytes.
  const digits = encoded.replace(/=+$/, '');
  if (digits === '' || digits.length % 4 === 1) return null;
  const bytes = decodeBase64(digits);
  if (prefix === 'whsec') return { kind: 'hmac', bytes };
  // Some tools write the public key behind the seed.
  const isSeed = bytes.length === SEED_BYTES || bytes.length === 2 * SEED_BYTES;
  return isSeed ? { kind: 'ed25519', bytes: bytes.slice(0, SEED_BYTES) } : null;
}
