import { joinBytes } from '../../protocol/bytes.ts';
import { STANDARD_WEBHOOK_HEADERS } from '../../protocol/headers.ts';
import { PublicKeyRing, type PublicKeyOptions } from './public-keys.ts';
import { pickVersion } from './signature-list.ts';
import { refusedFor, type SignatureScheme } from './signature-scheme.ts';
import { readTimedHeaders } from './timed-headers.ts';

/** A signature costs as much as checking dozens of HMACs, so few are tried. */
const MAX_SIGNATURES = 4;

/**
 * Standard Webhooks with ed25519 (`v1a`), under public keys (`whpk_…`). The signed `webhook-id` stands in
 * for a delivery id that a payload lacks.
 */
export function standardWebhooksEd25519(options: PublicKeyOptions): SignatureScheme {
  const keys = new PublicKeyRing(options.publicKeys);
  return {
    name: 'standard-webhooks-ed25519',
    findProblems: () => keys.findProblems(),
    async verify(message) {
      const signed = readTimedHeaders(message, STANDARD_WEBHOOK_HEADERS, (header) =>
        pickVersion(header, 'v1a', MAX_SIGNATURES),
      );
      if ('state' in signed) return signed;
      const content = joinBytes([`${signed.id}.${signed.timestamp}.`, message.body]);
      return (await keys.hasSigned(signed.signatures, content, message.context))
        ? { state: 'valid', signedId: signed.id }
        : refusedFor('signature_mismatch');
    },
  };
}
