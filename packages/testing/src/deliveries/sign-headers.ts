import {
  HEADERS,
  L8_HEADERS,
  signWebhook,
  STANDARD_WEBHOOK_HEADERS,
} from '@ezthrottle/core/protocol';
import { standardWebhookHeaders } from '@ezthrottle/engine';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '../digest.ts';
import { TestServerError } from '../test-server-error.ts';

/** A way to sign, by the name that a receiver's scheme has. */
export type SigningScheme = 'ezthrottle' | 'standard-webhooks' | 'standard-webhooks-ed25519' | 'l8';

/** What is signed, and with what. */
export interface SigningInput {
  readonly id: string;
  readonly body: string;
  readonly secret: string;
  /** 32 bytes in base64, `whsk_` before them or not. */
  readonly privateKey: string;
  readonly timestampSeconds: number;
}

type Headers = Readonly<Record<string, string>>;

const PRIVATE_KEY_BYTES = 32;

const SIGN: Readonly<Record<SigningScheme, (input: SigningInput) => Headers>> = {
  ezthrottle: (input) => ({ [HEADERS.signature]: signWebhook(input) }),

  'standard-webhooks': (input) => standardWebhookHeaders(input),

  'standard-webhooks-ed25519': ({ id, body, privateKey, timestampSeconds }) => ({
    [STANDARD_WEBHOOK_HEADERS.id]: id,
    [STANDARD_WEBHOOK_HEADERS.timestamp]: String(timestampSeconds),
    [STANDARD_WEBHOOK_HEADERS.signature]: `v1a,${signText(`${id}.${timestampSeconds}.${body}`, privateKey)}`,
  }),

  l8: ({ id, body, privateKey, timestampSeconds }) => {
    const hash = toBase64(sha256(new TextEncoder().encode(body)));
    return {
      [L8_HEADERS.id]: id,
      [L8_HEADERS.timestamp]: String(timestampSeconds),
      [L8_HEADERS.signature]: signText(`${id}.${timestampSeconds}.${hash}`, privateKey),
    };
  },
};

/** The headers of all of the schemes. Where two have the same one, it holds both signatures. */
export function signHeaders(schemes: readonly SigningScheme[], input: SigningInput): Headers {
  checkSchemes(schemes);
  const headers: Record<string, string> = {};
  for (const scheme of new Set(schemes)) {
    for (const [name, value] of Object.entries(SIGN[scheme](input))) {
      const before = headers[name];
      const isList = name === STANDARD_WEBHOOK_HEADERS.signature && before !== undefined;
      headers[name] = isList ? `${before} ${value}` : value;
    }
  }
  return headers;
}

/** Without types anything may come. */
function checkSchemes(schemes: unknown): void {
  const names = Object.keys(SIGN);
  const given: readonly unknown[] = Array.isArray(schemes) ? schemes : [schemes];
  const isKnown = (name: unknown): boolean => names.some((known) => known === name);
  if (Array.isArray(schemes) && given.every(isKnown)) return;
  const wrong = given.filter((name) => !isKnown(name)).map((name) => JSON.stringify(name));
  throw new TestServerError(
    'invalid_delivery',
    `schemes has ${wrong.join(', ') || 'no list'}; expected a list of ${names.join(', ')}.`,
  );
}

function signText(content: string, privateKey: string): string {
  const key = fromBase64(privateKey.replace(/^whsk_/, ''));
  if (key.length !== PRIVATE_KEY_BYTES) {
    throw new RangeError(`privateKey must be ${PRIVATE_KEY_BYTES} bytes in base64.`);
  }
  return toBase64(ed25519.sign(new TextEncoder().encode(content), key));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
