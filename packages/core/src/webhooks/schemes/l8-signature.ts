import { joinBytes } from '../../protocol/bytes.ts';
import { L8_HEADERS } from '../../protocol/headers.ts';
import { toBase64 } from '../../step/base64.ts';
import { PublicKeyRing, type PublicKeyOptions } from './public-keys.ts';
import { refusedFor, type SignatureScheme } from './signature-scheme.ts';
import { readTimedHeaders } from './timed-headers.ts';

/**
 * L8: ed25519 over id, time and the hash of the body, under public keys that are given here. None is
 * ever fetched from a sender. Each attempt has a new id, so that id is not used to know a delivery again.
 */
export function l8Signature(options: PublicKeyOptions): SignatureScheme {
  const keys = new PublicKeyRing(options.publicKeys);
  return {
    name: 'l8',
    findProblems: () => keys.findProblems(),
    async verify(message) {
      const signed = readTimedHeaders(message, L8_HEADERS, (header) => [header]);
      if ('state' in signed) return signed;
      const hash = await crypto.subtle.digest('SHA-256', joinBytes([message.body]));
      const digest = toBase64(new Uint8Array(hash));
      const content = joinBytes([`${signed.id}.${signed.timestamp}.${digest}`]);
      return (await keys.hasSigned(signed.signatures, content, message.context))
        ? { state: 'valid', signedId: null }
        : refusedFor('signature_mismatch');
    },
  };
}
