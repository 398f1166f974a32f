import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { SealedText } from '@ezthrottle/engine';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Why a sealed text cannot be read. */
export class SecretBoxError extends Error {
  readonly code: 'unknown_master_key' | 'broken_envelope' | 'invalid_master_key';

  constructor(code: SecretBoxError['code'], message: string) {
    super(message);
    this.name = 'SecretBoxError';
    this.code = code;
  }
}

/** Seals texts for the store. `context` is bound to the envelope: it opens nowhere else. */
export interface SecretBox {
  /** Name of the master key that seals. */
  readonly keyId: string;
  /** Names of all that open, the sealing one first. */
  readonly keyIds: readonly string[];
  seal(plain: string, context: string): SealedText;
  /** @throws SecretBoxError */
  open(sealed: SealedText, context: string): string;
}

interface MasterKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * AES-256-GCM under a master key. Former keys open what they have sealed, and seal nothing.
 *
 * @param masterKey 32 bytes in base64.
 * @param formerKeys The same, in any order. Default: none.
 * @throws SecretBoxError `invalid_master_key`
 */
export function createSecretBox(masterKey: string, formerKeys: readonly string[] = []): SecretBox {
  const own = readKey(masterKey);
  const keys = new Map([own, ...formerKeys.map(readKey)].map((key) => [key.id, key.bytes]));
  return {
    keyId: own.id,
    keyIds: [...keys.keys()],
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, own.bytes, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const ciphertext = Buffer.concat([
        cipher.update(plain, 'utf8'),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      return {
        keyId: own.id,
        nonce: nonce.toString('base64'),
        ciphertext: ciphertext.toString('base64'),
      };
    },
    open(sealed, context) {
      const key = keys.get(sealed.keyId);
      if (key === undefined) {
        throw new SecretBoxError(
          'unknown_master_key',
          `a stored secret was sealed with master key ${sealed.keyId}, this server has ${[...keys.keys()].join(', ')}`,
        );
      }
      return opened(key, sealed, context);
    },
  };
}

function readKey(masterKey: string): MasterKey {
  const bytes = Buffer.from(masterKey, 'base64');
  if (bytes.length !== KEY_BYTES) {
    throw new SecretBoxError('invalid_master_key', 'the master key must be 32 bytes in base64');
  }
  // The name tells which key sealed an envelope, and nothing about the key: it is a hash of 256 random bits.
  const digest = createHash('sha256').update('ezthrottle master key\0').update(bytes).digest('hex');
  return { id: digest.slice(0, 12), bytes };
}

function opened(key: Buffer, sealed: SealedText, context: string): string {
  const bytes = Buffer.from(sealed.ciphertext, 'base64');
  const nonce = Buffer.from(sealed.nonce, 'base64');
  if (bytes.length < TAG_BYTES || nonce.length !== NONCE_BYTES) throw broken();
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return (
      decipher.update(bytes.subarray(0, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    );
  } catch {
    throw broken();
  }
}

function broken(): SecretBoxError {
  return new SecretBoxError('broken_envelope', 'a stored secret was changed or belongs elsewhere');
}
