import type { Problem } from '../../protocol/wire-error.ts';

/** A scheme that signs with secrets needs some; whether each can be used is checked elsewhere. */
export function findMissingSecrets(secrets: unknown): readonly Problem[] {
  if (secrets !== undefined) return [];
  const expected = 'secrets among the options of the receiver';
  return [{ path: '', message: 'has no secrets to check with', expected }];
}
