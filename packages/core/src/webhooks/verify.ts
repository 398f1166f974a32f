import { hmacSha256 } from '#hmac';
import { hasSignature, signedContent } from '../protocol/signature.ts';
import { WebhookVerificationError } from './errors.ts';
import {
  readSignedHeader,
  signatureResult,
  type SignatureHeaderValue,
  type VerificationResult,
  type VerifyOptions,
} from './signed-header.ts';

/**
 * Checks the `X-EZThrottle-Signature` header of a webhook. Synchronous on every runtime; never
 * throws, and never accepts anything under an empty secret.
 *
 * @param payload - The raw body, as bytes (or as the very text that was sent), never a parsed object.
 * @param signatureHeader - Value of the header.
 * @param secret - Primary or secondary secret, as it was configured.
 * @param toleranceOrOptions - Seconds (default 300), or the tolerance and a clock.
 * @example
 * const { verified, reason } = verifyWebhookSignature(bytes, header, process.env.WEBHOOK_SECRET);
 */
export function verifyWebhookSignature(
  payload: string | Uint8Array,
  signatureHeader: SignatureHeaderValue,
  secret: string,
  toleranceOrOptions: number | VerifyOptions = {},
): VerificationResult {
  const options =
    typeof toleranceOrOptions === 'number'
      ? { toleranceSeconds: toleranceOrOptions }
      : toleranceOrOptions;
  const misuse = findUntypedMisuse(signatureHeader, options);
  if (misuse !== null) return { verified: false, reason: `verification_error: ${misuse}` };
  const signed = readSignedHeader(payload, signatureHeader, [secret], options);
  if (signed.header === null) return signed.result;
  const expected = hmacSha256(secret, signedContent(signed.header.timestamp, payload));
  return signatureResult(hasSignature(signed.header, expected));
}

/**
 * The same check for code that prefers an exception.
 *
 * @throws {WebhookVerificationError} whose message ends with the reason.
 */
export function verifyWebhookSignatureStrict(
  payload: string | Uint8Array,
  signatureHeader: SignatureHeaderValue,
  secret: string,
  toleranceOrOptions: number | VerifyOptions = {},
): void {
  const { verified, reason } = verifyWebhookSignature(
    payload,
    signatureHeader,
    secret,
    toleranceOrOptions,
  );
  if (!verified) {
    throw new WebhookVerificationError(`Webhook signature verification failed: ${reason}`);
  }
}

/**
 * The same check during a rotation, when the new and the old secret are both good. The reason is
 * `valid_primary`, `valid_secondary` or `both_secrets_failed (primary: <reason>)`.
 */
export function tryVerifyWithSecrets(
  payload: string | Uint8Array,
  signatureHeader: SignatureHeaderValue,
  primarySecret: string,
  secondarySecret?: string | null,
  toleranceOrOptions: number | VerifyOptions = {},
): VerificationResult {
  const primary = verifyWebhookSignature(
    payload,
    signatureHeader,
    primarySecret,
    toleranceOrOptions,
  );
  if (primary.verified) return { verified: true, reason: 'valid_primary' };
  if (secondarySecret !== undefined && secondarySecret !== null && secondarySecret !== '') {
    const secondary = verifyWebhookSignature(
      payload,
      signatureHeader,
      secondarySecret,
      toleranceOrOptions,
    );
    if (secondary.verified) return { verified: true, reason: 'valid_secondary' };
  }
  return { verified: false, reason: `both_secrets_failed (primary: ${primary.reason})` };
}

/** What callers without types pass for a header and for options, and what would throw further in. */
function findUntypedMisuse(header: unknown, options: unknown): string | null {
  const value: unknown = Array.isArray(header) ? header[0] : header;
  if (value !== undefined && value !== null && typeof value !== 'string') {
    return 'the header is not a text';
  }
  if (typeof options !== 'object' || options === null) return 'the options cannot be read';
  const now: unknown = 'now' in options ? options.now : undefined;
  return now === undefined || typeof now === 'function' ? null : 'the options cannot be read';
}
