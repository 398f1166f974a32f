import { checkSignatureTime } from '../../protocol/signature.ts';
import { ABSENT, refusedFor, type SchemeVerdict, type SignedMessage } from './signature-scheme.ts';

/** What stands in three headers of their own, the time near enough to now. */
export interface TimedHeaders {
  readonly id: string;
  /** As it was written: these characters are signed. */
  readonly timestamp: string;
  /** At least one. */
  readonly signatures: readonly string[];
}

interface TimedHeaderNames {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
}

const MAX_ID_LENGTH = 512;
const TIMESTAMP = /^\d{1,12}$/;

/**
 * Reads id, time and signatures.
 *
 * @param pick - The signatures of one kind out of the header, and the reason when there is none.
 */
export function readTimedHeaders(
  message: SignedMessage,
  names: TimedHeaderNames,
  pick: (header: string) => readonly string[] | string,
): TimedHeaders | SchemeVerdict {
  const header = message.header(names.signature)?.trim();
  if (!header) return ABSENT;
  const signatures = pick(header);
  if (typeof signatures === 'string') return refusedFor(signatures);
  const id = message.header(names.id) ?? '';
  if (id === '' || id.length > MAX_ID_LENGTH) return refusedFor('invalid_id');
  const timestamp = message.header(names.timestamp) ?? '';
  if (!TIMESTAMP.test(timestamp)) return refusedFor('invalid_timestamp');
  const timed = { timestamp, timestampSeconds: Number(timestamp), signatures };
  const nowSeconds = Math.floor(message.now() / 1000);
  const expired = checkSignatureTime(timed, nowSeconds, message.toleranceSeconds);
  return expired === null ? { id, timestamp, signatures } : refusedFor(expired);
}
