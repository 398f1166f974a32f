import { hmacSha256Async } from '#async-hmac';
import { andThen, type Awaitable } from '../../awaitable.ts';
import { isEqualInConstantTime, toHex } from '../../protocol/bytes.ts';
import { STANDARD_WEBHOOK_HEADERS } from '../../protocol/headers.ts';
import { fromBase64 } from '../../step/base64.ts';
import { findMissingSecrets } from './secret-problems.ts';
import {
  ABSENT,
  refusedFor,
  type SchemeVerdict,
  type SignatureScheme,
  type SignedMessage,
} from './signature-scheme.ts';
import { pickVersion } from './signature-list.ts';
import { readTimedHeaders } from './timed-headers.ts';

const PREFIX = 'whsec_';
const MIN_KEY_BYTES = 16;
const MAX_SIGNATURES = 16;
const MAX_KNOWN_KEYS = 100;

/**
 * Standard Webhooks with HMAC-SHA256 (`v1`), under those of the receiver's `secrets` that are `whsec_`
 * and at least 16 bytes in base64. The signed `webhook-id` stands in for a delivery id that a payload lacks.
 */
export function standardWebhooks(): SignatureScheme {
  // By secret: keys are known again as the same object, so that preparing one happens once.
  const known = new Map<string, Uint8Array | null>();
  const keyOf = (secret: string): Uint8Array | null => {
    const before = known.get(secret);
    if (before !== undefined) return before;
    if (known.size >= MAX_KNOWN_KEYS) known.clear();
    const key = decodeSecret(secret);
    known.set(secret, key);
    return key;
  };
  return {
    name: 'standard-webhooks',
    findProblems: findUnfitSecrets,
    verify(message) {
      // Before secrets are asked for: whoever signs nothing shall not keep a secret manager busy.
      if (!message.header(STANDARD_WEBHOOK_HEADERS.signature)) return ABSENT;
      return andThen(message.secrets(), (secrets) =>
        verifyUnderKeys(
          message,
          secrets.flatMap((secret) => keyOf(secret) ?? []),
        ),
      );
    },
  };
}

function verifyUnderKeys(
  message: SignedMessage,
  keys: readonly Uint8Array[],
): Awaitable<SchemeVerdict> {
  if (keys.length === 0) return ABSENT;
  const signed = readTimedHeaders(message, STANDARD_WEBHOOK_HEADERS, (header) =>
    pickVersion(header, 'v1', MAX_SIGNATURES),
  );
  if ('state' in signed) return signed;
  const { id, timestamp, signatures } = signed;
  const given = signatures.flatMap((each) => hexOf(each) ?? []);
  const content = [`${id}.${timestamp}.`, message.body];
  const tryFrom = (index: number): Awaitable<SchemeVerdict> => {
    const key = keys[index];
    if (key === undefined) return refusedFor('signature_mismatch');
    return andThen(hmacSha256Async(key, content), (expected) => {
      const matching = given.filter((each) => isEqualInConstantTime(expected, each));
      return matching.length > 0 ? { state: 'valid', signedId: id } : tryFrom(index + 1);
    });
  };
  return tryFrom(0);
}

/** The bytes behind `whsec_`; null for a secret of another form. */
function decodeSecret(secret: unknown): Uint8Array | null {
  if (typeof secret !== 'string' || !secret.startsWith(PREFIX)) return null;
  const key = fromBase64(secret.slice(PREFIX.length));
  return key !== null && key.length >= MIN_KEY_BYTES ? key : null;
}

function findUnfitSecrets(secrets: unknown): ReturnType<SignatureScheme['findProblems']> {
  if (secrets === undefined || typeof secrets === 'function') return findMissingSecrets(secrets);
  const list: readonly unknown[] = Array.isArray(secrets) ? secrets : [secrets];
  if (list.some((secret) => decodeSecret(secret) !== null)) return [];
  const expected = `a secret of ${PREFIX} and at least ${MIN_KEY_BYTES} bytes in base64`;
  return [{ path: '', message: 'has no secret of its form to check with', expected }];
}

function hexOf(signature: string): string | null {
  const bytes = fromBase64(signature);
  return bytes === null ? null : toHex(bytes);
}
