import type { Problem } from '../../protocol/wire-error.ts';
import { fromBase64 } from '../../step/base64.ts';
import { ReceiverConfigurationError } from '../errors.ts';

/** One public key, or all that are good at the moment: 32 bytes in base64, `whpk_` before them or not. */
export type PublicKeys = string | readonly string[];

/** Public keys, or where to get them for each request; the function gets the adapter's `context`. */
export type PublicKeysSource =
  | PublicKeys
  | ((context: unknown) => PublicKeys | Promise<PublicKeys>);

export interface PublicKeyOptions {
  /** Keys of the senders that are trusted, at most 8. */
  readonly publicKeys: PublicKeysSource;
}

/** Named through a function, so that no runtime's own type library is needed. */
type ImportedKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const MAX_KEYS = 8;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const EXPECTED = '32 bytes in base64, with or without whpk_ before them';

/** Imports each key once. */
export class PublicKeyRing {
  readonly #source: PublicKeysSource;
  readonly #imported = new Map<string, Promise<ImportedKey>>();

  constructor(source: PublicKeysSource) {
    this.#source = source;
  }

  findProblems(): readonly Problem[] {
    const source: unknown = this.#source;
    return typeof source === 'function' ? [] : findKeyProblems(source);
  }

  /**
   * Whether one of the keys made one of the ed25519 signatures.
   *
   * @param signatures - In base64; few, since each is tried against each key.
   * @throws {ReceiverConfigurationError} when the keys cannot be used.
   */
  async hasSigned(
    signatures: readonly string[],
    content: Uint8Array<ArrayBuffer>,
    context: unknown,
  ): Promise<boolean> {
    const source = this.#source;
    const keys = typeof source === 'function' ? await source(context) : source;
    const problems = findKeyProblems(keys);
    if (problems.length > 0) throw new ReceiverConfigurationError(problems);
    for (const key of typeof keys === 'string' ? [keys] : keys) {
      const imported = await this.#import(key);
      for (const signature of signatures) {
        const bytes = fromBase64(signature);
        // Not every runtime says no to another length; some throw.
        if (bytes?.length !== SIGNATURE_BYTES) continue;
        if (await crypto.subtle.verify('Ed25519', imported, bytes, content)) return true;
      }
    }
    return false;
  }

  #import(key: string): Promise<ImportedKey> {
    const known = this.#imported.get(key);
    if (known !== undefined) return known;
    // A source may give other keys each time.
    if (this.#imported.size >= MAX_KEYS * 2) this.#imported.clear();
    const bytes = decodeKey(key) ?? new Uint8Array();
    const imported = crypto.subtle.importKey('raw', bytes, { name: 'Ed25519' }, false, ['verify']);
    this.#imported.set(key, imported);
    return imported;
  }
}

function findKeyProblems(keys: unknown): Problem[] {
  const list: readonly unknown[] = Array.isArray(keys) ? keys : [keys];
  if (list.length === 0 || list.length > MAX_KEYS) {
    const message = list.length === 0 ? 'is empty' : `has ${list.length} entries`;
    return [{ path: 'publicKeys', message, expected: `1 to ${MAX_KEYS} public keys` }];
  }
  return list.flatMap((key, index) => {
    if (decodeKey(key) !== null) return [];
    const path = Array.isArray(keys) ? `publicKeys[${index}]` : 'publicKeys';
    const message = typeof key === 'string' ? 'is no public key' : `is ${typeof key}`;
    return [{ path, message, expected: EXPECTED }];
  });
}

function decodeKey(key: unknown): Uint8Array<ArrayBuffer> | null {
  if (typeof key !== 'string') return null;
  const bytes = fromBase64(key.replace(/^whpk_/, ''));
  return bytes?.length === KEY_BYTES ? bytes : null;
}
