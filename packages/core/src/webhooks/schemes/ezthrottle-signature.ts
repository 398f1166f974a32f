import { hmacSha256Async } from '#async-hmac';
import { andThen, type Awaitable } from '../../awaitable.ts';
import { HEADERS } from '../../protocol/headers.ts';
import { hasSignature, signedContent, type SignatureHeader } from '../../protocol/signature.ts';
import { readSignedHeader } from '../signed-header.ts';
import {
  ABSENT,
  refusedFor,
  type SchemeVerdict,
  type SignatureScheme,
} from './signature-scheme.ts';
import { findMissingSecrets } from './secret-problems.ts';

/** `X-EZThrottle-Signature`: HMAC-SHA256 under one of the receiver's `secrets`. */
export function ezthrottleSignature(): SignatureScheme {
  return {
    name: 'ezthrottle',
    findProblems: findMissingSecrets,
    verify(message) {
      const { body, now, toleranceSeconds } = message;
      const header = message.header(HEADERS.signature);
      // Before secrets are asked for: whoever signs nothing shall not keep a secret manager busy.
      if (!header) return ABSENT;
      return andThen(message.secrets(), (secrets): Awaitable<SchemeVerdict> => {
        const options = { now, toleranceSeconds };
        const signed = readSignedHeader(body, header, secrets, options);
        if (signed.header !== null) return verifyUnderSecrets(signed.header, body, secrets);
        const { reason } = signed.result;
        return reason === 'no_signature_header' ? ABSENT : refusedFor(reason);
      });
    },
  };
}

/**
 * At once where there is node:crypto. Whoever sees the time this takes learns how many secrets there are,
 * nothing about any of them.
 */
function verifyUnderSecrets(
  header: SignatureHeader,
  body: Uint8Array,
  secrets: readonly string[],
): Awaitable<SchemeVerdict> {
  const content = signedContent(header.timestamp, body);
  const tryFrom = (index: number): Awaitable<SchemeVerdict> => {
    const secret = secrets[index];
    if (secret === undefined) return refusedFor('signature_mismatch');
    return andThen(hmacSha256Async(secret, content), (expected) =>
      hasSignature(header, expected) ? { state: 'valid', signedId: null } : tryFrom(index + 1),
    );
  };
  return tryFrom(0);
}
