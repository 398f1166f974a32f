import type { Id, SealedText } from '@ezthrottle/engine';
import type { SecretBox } from '../../tenancy/secret-box.ts';

/** How far the clocks of two nodes may be apart, and a message be late, in milliseconds. */
const FRESH_MS = 60_000;

export type EnvelopeKind = 'calls' | 'abort' | 'event' | 'question' | 'answer';

/**
 * Seals what nodes tell each other under the master key, which they all have: nobody else can read it, or
 * write one that opens. It is for one node, and for a short while.
 */
export interface NodeEnvelope {
  seal(kind: EnvelopeKind, to: Id, value: unknown): SealedText;
  /** Null: it is not for this node, too old, or not from one of us. */
  open(kind: EnvelopeKind, sealed: unknown): unknown;
}

export function createNodeEnvelope(options: {
  readonly box: Pick<SecretBox, 'seal' | 'open'>;
  readonly self: Id;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}): NodeEnvelope {
  const { box, self, now } = options;
  return {
    seal: (kind, to, value) => box.seal(JSON.stringify({ at: now(), to, value }), contextOf(kind)),
    open(kind, sealed) {
      const text = isSealed(sealed) ? opened(box, sealed, contextOf(kind)) : null;
      if (text === null) return null;
      const { at, to, value } = JSON.parse(text);
      return to === self && Math.abs(now() - Number(at)) <= FRESH_MS ? value : null;
    },
  };
}

function contextOf(kind: EnvelopeKind): string {
  return `node ${kind}`;
}

function opened(box: Pick<SecretBox, 'open'>, sealed: SealedText, context: string): string | null {
  try {
    return box.open(sealed, context);
  } catch {
    return null;
  }
}

function isSealed(value: unknown): value is SealedText {
  if (typeof value !== 'object' || value === null) return false;
  const { keyId, nonce, ciphertext }: Partial<Record<keyof SealedText, unknown>> = value;
  return [keyId, nonce, ciphertext].every((part) => typeof part === 'string');
}
