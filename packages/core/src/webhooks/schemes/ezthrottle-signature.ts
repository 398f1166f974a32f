import { hmacSha256Async } from '#async-hmac';
import { isPending, type Awaitable } from '../../awaitable.ts';
import { HEADERS } from '../../protocol/headers.ts';
import { hasSignature, signedContent, type SignatureHeader } from '../../protocol/signature.ts';
import { readSignedHeader } from '../signed-header.ts';
import {
  ABSENT,
  refusedFor,
  type SchemeVerdict,
  type SignatureScheme,
  type SignedMessage,
} from './signature-scheme.ts';
import { findMissingSecrets } from './secret-problems.ts';

type SignedContent = ReturnType<typeof signedContent>;

const VALID: SchemeVerdict = { state: 'valid', signedId: null };

/** `X-EZThrottle-Signature`: HMAC-SHA256 under one of the receiver's `secrets`. */
export function ezthrottleSignature(): SignatureScheme {
  return {
    name: 'ezthrottle',
    findProblems: findMissingSecrets,
    verify(message) {
      const header = message.header(HEADERS.signature);
      // Before secrets are asked for: whoever signs nothing shall not keep a secret manager busy.
      if (!header) return ABSENT;
      const secrets = message.secrets();
      return isPending(secrets)
        ? secrets.then((found) => verifyUnder(found, header, message))
        : verifyUnder(secrets, header, message);
    },
  };
}

function verifyUnder(
  secrets: readonly string[],
  header: string,
  message: SignedMessage,
): Awaitable<SchemeVerdict> {
  const signed = readSignedHeader(message.body, header, secrets, message);
  if (signed.header !== null) {
    const content = signedContent(signed.header.timestamp, message.body);
    return tryFrom(0, secrets, signed.header, content);
  }
  const { reason } = signed.result;
  return reason === 'no_signature_header' ? ABSENT : refusedFor(reason);
}

/**
 * At once where there is node:crypto. Whoever sees the time this takes learns how many secrets there are,
 * nothing about any of them.
 */
function tryFrom(
  first: number,
  secrets: readonly string[],
  header: SignatureHeader,
  content: SignedContent,
): Awaitable<SchemeVerdict> {
  for (let index = first; index < secrets.length; index += 1) {
    const secret = secrets[index];
    if (secret === undefined) break;
    const expected = hmacSha256Async(secret, content);
    if (isPending(expected)) {
      return expected.then((found) =>
        hasSignature(header, found) ? VALID : tryFrom(index + 1, secrets, header, content),
      );
    }
    if (hasSignature(header, expected)) return VALID;
  }
  return refusedFor('signature_mismatch');
}
