import { LIMITS } from '../protocol/limits.ts';
import type { ContinuationContent } from '../protocol/plan.ts';
import { ConfigurationError, ContinuationError } from '../errors.ts';
import { isObject, parseJson } from '../http/json.ts';
import { fromBase64, toBase64Url } from './base64.ts';

const VERSION = 'v1';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const KEY_ID_BYTES = 6;
const DERIVATION_LABEL = 'ezthrottle continuation key v1';

const encoder = new TextEncoder();

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
 * It is not bound to its job: the job's id, and often its key, do not exist yet when it is sealed. What
 * limits a copy put into another job is the endpoint inside, which only its own receiver opens.
 */
export class ContinuationSealer {
  readonly #sources: readonly (() => Promise<NamedKey>)[];
  readonly #loaded = new Map<number, Promise<NamedKey>>();

  /** Throws `ConfigurationError` for a key that is not 32 bytes, and for an empty secret. */
  constructor({ continuationKey, webhookSecret }: SealingKeys) {
    this.#sources = [
      ...listOf(continuationKey).map((key) => {
        const bytes = keyBytes(key);
        return () => importKey(bytes);
      }),
      ...listOf(webhookSecret).map((secret) => {
        if (secret === '') throw new ConfigurationError('webhookSecret is empty');
        return () => deriveKey(secret);
      }),
    ];
  }

  get canSeal(): boolean {
    return this.#sources.length > 0;
  }

  /** Throws `ConfigurationError` when there is no key. */
  async seal(content: ContinuationContent): Promise<string> {
    if (!this.canSeal) {
      throw new ConfigurationError(
        'There is no key to seal a continuation with: set continuationKey or webhookSecret.',
      );
    }
    const { id, key } = await this.#key(0);
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const plain = encoder.encode(JSON.stringify(content));
    const sealed = await crypto.subtle.encrypt(cipher(nonce, id), key, plain);
    const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength);
    bytes.set(nonce);
    bytes.set(new Uint8Array(sealed), NONCE_BYTES);
    return `${VERSION}.${id}.${toBase64Url(bytes)}`;
  }

  /** Throws `ContinuationError` for what none of our keys has sealed, or what was altered. */
  async open(text: string): Promise<ContinuationContent> {
    const match = /^v1\.([\w-]{8})\.([\w-]+)$/.exec(text);
    const [, id = '', payload = ''] = match ?? [];
    const bytes = text.length > LIMITS.metadataBytes ? null : fromBase64(payload);
    if (match === null || bytes === null) {
      throw new ContinuationError('The continuation is not in a form that this version knows.');
    }
    const keys = await Promise.all(this.#sources.map((_, index) => this.#key(index)));
    const named = keys.find((key) => key.id === id);
    if (named === undefined) {
      throw new ContinuationError(`No key of this client has sealed the continuation (${id}).`);
    }
    const content = parseJson(await decrypt(named, bytes));
    if (isContent(content)) return content;
    throw new ContinuationError('The continuation was sealed by a version that is not known here.');
  }

  #key(index: number): Promise<NamedKey> {
    const known = this.#loaded.get(index);
    if (known !== undefined) return known;
    const source = this.#sources[index];
    const loading = source === undefined ? Promise.reject(new RangeError()) : source();
    this.#loaded.set(index, loading);
    return loading;
  }
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
  return { name: 'AES-GCM', iv: nonce, additionalData: encoder.encode(`${VERSION}.${keyId}`) };
}

async function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<NamedKey> {
  const key = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
  // Of a digest over a label and the key, so that the name tells nothing about the key itself.
  const label = encoder.encode('ezthrottle continuation key id');
  const named = new Uint8Array(label.length + bytes.length);
  named.set(label);
  named.set(bytes, label.length);
  const digest = await crypto.subtle.digest('SHA-256', named);
  return { id: toBase64Url(new Uint8Array(digest, 0, KEY_ID_BYTES)), key };
}

async function deriveKey(secret: string): Promise<NamedKey> {
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
    'deriveBits',
  ]);
  const salt = new Uint8Array(0);
  const info = encoder.encode(DERIVATION_LABEL);
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
