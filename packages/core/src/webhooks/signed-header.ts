import {
  SIGNATURE_TOLERANCE_SECONDS,
  checkSignatureTime,
  parseSignatureHeader,
  type SignatureHeader,
} from '../protocol/signature.ts';

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

/** A header that may be genuine, or the result of a check that ends here. */
export type SignedHeader =
  | { readonly header: SignatureHeader }
  | { readonly header: null; readonly result: VerificationResult };

/** Everything about a signature that can be told without the secret; never throws. */
export function readSignedHeader(
  payload: string | Uint8Array,
  signatureHeader: SignatureHeaderValue,
  secrets: readonly string[],
  { toleranceSeconds = SIGNATURE_TOLERANCE_SECONDS, now = Date.now }: VerifyOptions,
): SignedHeader {
  const misuse = findMisuse(payload, secrets, toleranceSeconds);
  if (misuse !== null) return refused(`verification_error: ${misuse}`);
  const parsed = parseSignatureHeader(firstOf(signatureHeader));
  if (!parsed.ok) return refused(parsed.reason);
  const nowSeconds = Math.floor(now() / 1000);
  const expired = checkSignatureTime(parsed.header, nowSeconds, toleranceSeconds);
  return expired === null ? parsed : refused(expired);
}

/** What a check found, given whether one of the secrets had signed. */
export function signatureResult(isSigned: boolean): VerificationResult {
  return { verified: isSigned, reason: isSigned ? 'valid' : 'signature_mismatch' };
}

function refused(reason: string): SignedHeader {
  return { header: null, result: { verified: false, reason } };
}

function firstOf(header: SignatureHeaderValue): string | null | undefined {
  return typeof header === 'string' ? header : header?.[0];
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
    return 'the tolerance is not 0 or more seconds';
  }
  return null;
}
