import { LIMITS } from '../protocol/limits.ts';
import type { ContinuationContent } from '../protocol/plan.ts';
import { ConfigurationError, ContinuationError } from '../errors.ts';
import { isObject, parseJson } from '../http/json.ts';
import { joinBytes, toBytes } from '../protocol/bytes.ts';
import { fromBase64, toBase64Url } from './base64.ts';

const VERSION = 'v1';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const KEY_ID_BYTES = 6;
const DERIVATION_LABEL = 'ezthrottle continuation key v1';

export interface SealingKeys {
  /** 32 bytes, or their base64; of several the first seals and all open. */
  readonly continuationKey?: ContinuationKey | readonly ContinuationKey[] | undefined;
  /** Used when there is no continuation key: a key is derived from it. */
  readonly webhookSecret?: string | readonly string[] | undefined;
}

export type ContinuationKey = string | Uint8Array;

/** Named through a function, so that no runtime's own type library is needed. */
type WebCryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

interface NamedKey {
  readonly id: string;
  readonly key: WebCryptoKey;
}

interface Cipher {
  readonly name: 'AES-GCM';
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly additionalData: Uint8Array<ArrayBuffer>;
}

/**
 * Seals what follows a job, so that it can travel through the server and back: nobody there can read
 * it, and whoever holds only an API key cannot write one. AES-256-GCM over the JSON; a sealed text is
 * `v1.<key id>.<base64url of nonce, ciphertext and tag>`, and version and key id are authenticated.
 *
 * One that follows the job itself is bound to the job's key. One that follows a job inside it is not: that
 * job's key does not exist yet. What limits a copy of such a one put into another job is the endpoint
 * inside, which only its own receiver opens, and that each edge runs once.
 */
export class ContinuationSealer {
  readonly #keys: readonly (() => Promise<NamedKey>)[];

  /** Throws `ConfigurationError` for a key that is not 32 bytes, and for an empty secret. */
  constructor({ continuationKey, webhookSecret }: SealingKeys) {
    this.#keys = [
      ...listOf(continuationKey).map((key) => {
        const bytes = keyBytes(key);
        return once(() => importKey(bytes));
      }),
      ...listOf(webhookSecret).map((secret) => {
        if (secret === '') throw new ConfigurationError('webhookSecret is empty');
        return once(() => deriveKey(secret));
      }),
    ];
  }

  get canSeal(): boolean {
    return this.#keys.length > 0;
  }

  /** Throws `ConfigurationError` when there is no key. */
  async seal(content: ContinuationContent): Promise<string> {
    const [first] = this.#keys;
    if (first === undefined) {
      throw new ConfigurationError(
        'There is no key to seal a continuation with: set continuationKey or webhookSecret.',
      );
    }
    const { id, key } = await first();
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const plain = toBytes(JSON.stringify(content));
    const sealed = await crypto.subtle.encrypt(cipher(nonce, id), key, plain);
    return `${VERSION}.${id}.${toBase64Url(joinBytes([nonce, new Uint8Array(sealed)]))}`;
  }

  /** Throws `ContinuationError` for what none of our keys has sealed, or what was altered. */
  async open(text: string): Promise<ContinuationContent> {
    const match = /^v1\.([\w-]{8})\.([\w-]+)$/.exec(text);
    const [, id = '', payload = ''] = match ?? [];
    const bytes = text.length > LIMITS.metadataBytes ? null : fromBase64(payload);
    if (match === null || bytes === null) {
      throw new ContinuationError('The continuation is not in a form that this version knows.');
    }
    const keys = await Promise.all(this.#keys.map((load) => load()));
    const named = keys.find((key) => key.id === id);
    if (named === undefined) {
      throw new ContinuationError(`No key of this client has sealed the continuation (${id}).`);
    }
    const content = parseJson(await decrypt(named, bytes));
    if (isContent(content)) return content;
    throw new ContinuationError('The continuation was sealed by a version that is not known here.');
  }
}

/** Loads a key when it is first needed. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}

async function decrypt({ id, key }: NamedKey, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  try {
    const nonce = bytes.slice(0, NONCE_BYTES);
    const sealed = bytes.slice(NONCE_BYTES);
    return new TextDecoder().decode(await crypto.subtle.decrypt(cipher(nonce, id), key, sealed));
  } catch {
    throw new ContinuationError('The continuation was altered on its way.');
  }
}

function cipher(nonce: Uint8Array<ArrayBuffer>, keyId: string): Cipher {
  return { name: 'AES-GCM', iv: nonce, additionalData: toBytes(`${VERSION}.${keyId}`) };
}

async function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<NamedKey> {
  const key = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
  // Of a digest over a label and the key, so that the name tells nothing about the key itself.
  const named = joinBytes(['ezthrottle continuation key id', bytes]);
  const digest = await crypto.subtle.digest('SHA-256', named);
  return { id: toBase64Url(new Uint8Array(digest, 0, KEY_ID_BYTES)), key };
}

async function deriveKey(secret: string): Promise<NamedKey> {
  const material = await crypto.subtle.importKey('raw', toBytes(secret), 'HKDF', false, [
    'deriveBits',
  ]);
  const salt = new Uint8Array(0);
  const info = toBytes(DERIVATION_LABEL);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt, info };
  const bits = await crypto.subtle.deriveBits(parameters, material, KEY_BYTES * 8);
  return importKey(new Uint8Array(bits));
}

function keyBytes(key: ContinuationKey): Uint8Array<ArrayBuffer> {
  const bytes = typeof key === 'string' ? fromBase64(key) : new Uint8Array(key);
  if (bytes?.length === KEY_BYTES) return bytes;
  throw new ConfigurationError(
    `continuationKey is not ${KEY_BYTES} bytes; make one with: openssl rand -base64 ${KEY_BYTES}`,
  );
}

function listOf<T extends string | Uint8Array>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return typeof value === 'string' || value instanceof Uint8Array ? [value] : value;
}

/** What we have sealed ourselves needs no more than this. */
function isContent(value: unknown): value is ContinuationContent {
  return (
    isObject(value) &&
    value['version'] === 1 &&
    typeof value['id'] === 'string' &&
    typeof value['endpoint'] === 'string' &&
    Array.isArray(value['edges'])
  );
}
