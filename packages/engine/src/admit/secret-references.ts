import type { BodyEncoding } from '@ezthrottle/core/protocol';

/** What every reference has, and every text that an exclamation mark keeps from being one. */
const MARK = 'secret.';

/** The whole of a reference: an exclamation mark takes away its meaning. */
const REFERENCE = /\{\{(!*)secret\.([A-Za-z_][A-Za-z0-9_]{0,63})\}\}/g;

/** What can hold references: the parts of a call that its target gets. */
export interface ReferringCall {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  readonly body_encoding?: BodyEncoding | undefined;
}

/**
 * Names of the secrets that a call refers to, each once; null when there is nothing in it that sending
 * would change. Empty when there are only texts that an exclamation mark keeps from being references.
 */
export function referencedSecrets(call: ReferringCall): readonly string[] | null {
  const texts = textsOf(call);
  if (texts === null) return null;
  const names = new Set<string>();
  let isAny = false;
  for (const text of texts) {
    for (const [, escape, name = ''] of text.matchAll(REFERENCE)) {
      isAny = true;
      if (escape === '') names.add(name);
    }
  }
  return isAny ? [...names] : null;
}

/** Whether a text refers to a secret of this name. */
export function refersTo(text: string, name: string): boolean {
  return [...text.matchAll(REFERENCE)].some(([, escape, found]) => escape === '' && found === name);
}

/**
 * A text as it is sent: references replaced, and one exclamation mark gone from what only looks like
 * one. Everything else stays as it is.
 */
export function withSecrets(text: string, valueOf: (name: string) => string): string {
  if (!text.includes(MARK)) return text;
  return text.replaceAll(REFERENCE, (_whole: string, escape: string, name: string) =>
    escape === '' ? valueOf(name) : `{{${escape.slice(1)}secret.${name}}}`,
  );
}

/** How long a text is with secrets in it, without putting it together. References have one byte a character. */
export function sizeWithSecrets(
  text: string,
  sizeOf: (text: string) => number,
  sizeOfSecret: (name: string) => number,
): number {
  let size = sizeOf(text);
  if (!text.includes(MARK)) return size;
  for (const [whole, escape, name = ''] of text.matchAll(REFERENCE)) {
    size += escape === '' ? sizeOfSecret(name) - whole.length : -1;
  }
  return size;
}

/** Null when none of them holds the mark: for most calls that is all that is looked at. */
function textsOf({ url, headers, body, body_encoding }: ReferringCall): readonly string[] | null {
  const isText = body !== undefined && body_encoding !== 'base64';
  let isMarked = url.includes(MARK) || (isText && body.includes(MARK));
  for (const name in headers) {
    if (isMarked) break;
    isMarked = headers[name]?.includes(MARK) === true;
  }
  if (!isMarked) return null;
  return [url, ...Object.values(headers ?? {}), ...(isText ? [body] : [])];
}
