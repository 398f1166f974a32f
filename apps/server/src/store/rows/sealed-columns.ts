import type { SealedText } from '@ezthrottle/engine';
import { text, type Row } from './row.ts';

/** An envelope as the three columns of it. */
export function sealedColumns(sealed: SealedText): readonly [string, string, string] {
  return [sealed.keyId, sealed.nonce, sealed.ciphertext];
}

export function restoredSealed(row: Row, prefix: string): SealedText {
  return {
    keyId: text(row, `${prefix}_key_id`),
    nonce: text(row, `${prefix}_nonce`),
    ciphertext: text(row, `${prefix}_ciphertext`),
  };
}
