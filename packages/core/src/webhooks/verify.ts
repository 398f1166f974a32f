import {
  SIGNATURE_TOLERANCE_SECONDS,
  checkSignatureTime,
  hasSignature,
  parseSignatureHeader,
  type SignatureHeader,
} from '../protocol/signature.ts';
import { webhookHmac } from '../protocol/sign-webhook.ts';
import { WebhookVerificationError } from './errors.ts';

/**
 * What a check found. `reason` is `valid`, or one of `no_signature_header`, `missing_v1_signature`,
 * `invalid_timestamp`, `timestamp_expired (diff=…s, tolerance=…s)`, `signature_mismatch`, or
 * `verification_error: …` when the call itself was wrong, such as with an empty secret.
 */
export interface VerificationResult {
  readonly verified: boolean;
  readonly reason: string;
}

export interface VerifyOptions {
  /** Difference allowed between the signature's time and now, in seconds, either way. Default 300. */
  readonly toleranceSeconds?: number;
  /** The time now, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

/** A header as frameworks give it; of several the first counts. */
export type SignatureHeaderValue = string | readonly string[] | null | undefined;

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
  return verifyWithSecrets(payload, signatureHeader, [secret], toleranceOrOptions).result;
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

/**
 * Tries each secret in turn; `secretIndex` tells which one signed, −1 when none did. Whoever sees
 * the time this takes learns how many secrets there are, nothing about any of them.
 */
export function verifyWithSecrets(
  payload: string | Uint8Array,
  signatureHeader: SignatureHeaderValue,
  secrets: readonly string[],
  toleranceOrOptions: number | VerifyOptions = {},
): { readonly result: VerificationResult; readonly secretIndex: number } {
  const options =
    typeof toleranceOrOptions === 'number'
      ? { toleranceSeconds: toleranceOrOptions }
      : toleranceOrOptions;
  const tolerance = options.toleranceSeconds ?? SIGNATURE_TOLERANCE_SECONDS;
  const misuse = findMisuse(payload, secrets, tolerance);
  if (misuse !== null) return refused(`verification_error: ${misuse}`);

  const parsed = parseSignatureHeader(firstOf(signatureHeader));
  if (!parsed.ok) return refused(parsed.reason);
  const nowSeconds = Math.floor((options.now ?? Date.now)() / 1000);
  const expired = checkSignatureTime(parsed.header, nowSeconds, tolerance);
  if (expired !== null) return refused(expired);

  const secretIndex = secrets.findIndex((secret) => isSignedWith(secret, parsed.header, payload));
  if (secretIndex < 0) return refused('signature_mismatch');
  return { result: { verified: true, reason: 'valid' }, secretIndex };
}

function isSignedWith(
  secret: string,
  header: SignatureHeader,
  payload: string | Uint8Array,
): boolean {
  return hasSignature(header, webhookHmac(secret, header.timestamp, payload));
}

function refused(reason: string): { result: VerificationResult; secretIndex: number } {
  return { result: { verified: false, reason }, secretIndex: -1 };
}

function firstOf(header: SignatureHeaderValue): string | null | undefined {
  return typeof header === 'object' && header !== null ? header[0] : header;
}

/** Callers without types pass parsed bodies, unset variables and NaN; each must fail, and say why. */
function findMisuse(
  payload: unknown,
  secrets: readonly unknown[],
  tolerance: number,
): string | null {
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) {
    return 'the raw body is needed; a parsed body cannot be verified';
  }
  if (secrets.some((secret) => typeof secret !== 'string' || secret === '')) {
    return 'the secret is missing or empty';
  }
  if (typeof tolerance !== 'number' || !(tolerance >= 0)) {
    return 'the tolerance is not a number of seconds, 0 or more';
  }
  return null;
}
