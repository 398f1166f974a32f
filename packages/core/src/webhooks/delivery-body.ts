import { decodeDelivery, type Delivery } from '../protocol/decode-delivery.ts';
import { CONTINUATION_METADATA_KEY } from '../protocol/delivery.ts';
import type { Refusal } from './receiver-answer.ts';

/** A delivery, or why the body is none. */
export type DecodedBody = { readonly delivery: Delivery } | { readonly refusal: Refusal };

/** Kept: making one costs as much as reading a small body. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads bytes whose signature was found good. */
export function decodeBody(body: Uint8Array): DecodedBody {
  let payload: unknown;
  try {
    payload = JSON.parse(UTF8.decode(body));
  } catch {
    return { refusal: { code: 'invalid_json', message: 'The body is not JSON in UTF-8.' } };
  }
  const decoded = decodeDelivery(payload);
  if (decoded.ok) return { delivery: decoded.delivery };
  const message = 'The body is not a delivery.';
  return { refusal: { code: 'validation_failed', message, problems: decoded.problems } };
}

/**
 * What a delivery is known by. From what every accepted scheme signs only: whoever has caught a delivery
 * may leave out the headers of one scheme, so they must not decide.
 *
 * @param signedId - An id beside the body; null unless everything that is accepted signs it.
 */
export function dedupeId(delivery: Delivery, signedId: string | null): string {
  const { deliveryId, jobId, status, event } = delivery;
  if (deliveryId !== null) return `delivery:${deliveryId}`;
  if (signedId !== null) return `message:${signedId}`;
  return event === null
    ? `job:${jobId}:${status}`
    : `event:${JSON.stringify([jobId, status, event])}`;
}

export function hasContinuation(delivery: Delivery): boolean {
  return Object.hasOwn(delivery.metadata, CONTINUATION_METADATA_KEY);
}

/** Handlers see the metadata that was submitted, not what travels with it. */
export function withoutContinuation(delivery: Delivery): Delivery {
  if (!hasContinuation(delivery)) return delivery;
  const { [CONTINUATION_METADATA_KEY]: _sealed, ...metadata } = delivery.metadata;
  return { ...delivery, metadata };
}
