import { andThen } from '../../awaitable.ts';
import { HEADERS } from '../../protocol/headers.ts';
import { verifyUnderSecrets } from '../webhook-verifier.ts';
import { ABSENT, refusedFor, type SchemeVerdict, type SignatureScheme } from './signature-scheme.ts';
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
      const verdict = andThen(message.secrets(), (secrets) =>
        verifyUnderSecrets(body, header, secrets, { now, toleranceSeconds }),
      );
      return andThen(verdict, ({ verified, reason }): SchemeVerdict => {
        if (verified) return { state: 'valid', signedId: null };
        return reason === 'no_signature_header' ? ABSENT : refusedFor(reason);
      });
    },
  };
}
