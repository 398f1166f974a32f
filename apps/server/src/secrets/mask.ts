import { isPacked, type Outcome, type StoredResponse } from '@ezthrottle/engine';

/** A value that must not be seen, and what is shown in its place. */
export interface Hidden {
  readonly name: string;
  readonly value: string;
}

/** A way that a value is spelled, and what is shown in its place. */
interface Spelling {
  readonly text: string;
  readonly shown: string;
}

/** Takes values out of what a target has answered. */
export interface Mask {
  text(text: string): string;
  outcome(outcome: Outcome): Outcome;
  response(response: StoredResponse): StoredResponse;
}

/** Shorter pieces than this of a value that was cut off at the end are left: they tell too little. */
const SHORTEST_PIECE = 4;
/** Spellings shorter than this would hide text that has nothing to do with the value. */
const SHORTEST_SPELLING = 6;

/**
 * Masks values in the spellings in which targets usually echo what they got: as it is, in JSON (once or
 * twice, with slashes, `<>&`, all beyond ASCII or all but letters and digits escaped), in HTML, in an
 * address or a form (once or twice encoded, or encoded throughout), in base64 at every offset, and in
 * hexadecimal. What is spelled otherwise, or computed of a value, such as its digest, is not found.
 */
export function createMask(hidden: readonly Hidden[]): Mask {
  const spellings = hidden.flatMap(spellingsOf).toSorted((a, b) => b.text.length - a.text.length);
  const binary = spellings.map(({ text, shown }) => ({ text: latin1Of(text), shown }));

  const text = (plain: string): string => masked(plain, spellings);
  const headersOf = (headers: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [text(name), text(value)]));

  return {
    text,
    outcome(outcome) {
      switch (outcome.kind) {
        case 'response':
          return { ...outcome, headers: headersOf(outcome.headers) };
        case 'network_error':
        case 'timeout':
        case 'refused':
          return { ...outcome, message: text(outcome.message) };
        case 'aborted':
        case 'unknown':
          return outcome;
      }
    },
    response(response) {
      const headers = headersOf(response.headers);
      // Bytes that could not be decoded cannot be looked through either.
      if (isPacked(response.headers) && response.body !== '') {
        return { ...response, headers, body: '', bodyEncoding: 'utf8', truncated: true };
      }
      return { ...response, headers, body: bodyOf(response) };
    },
  };

  function bodyOf({ body, bodyEncoding, truncated }: StoredResponse): string {
    if (bodyEncoding === 'utf8') return wholeOf(text(body), truncated, spellings);
    const bytes = Buffer.from(body, 'base64').toString('latin1');
    const clean = wholeOf(masked(bytes, binary), truncated, binary);
    return clean === bytes ? body : Buffer.from(clean, 'latin1').toString('base64');
  }
}

function masked(plain: string, spellings: readonly Spelling[]): string {
  let clean = plain;
  for (const { text, shown } of spellings) clean = clean.replaceAll(text, shown);
  return clean;
}

/** Without the piece of a value that was cut off at the end. */
function wholeOf(body: string, isCut: boolean, spellings: readonly Spelling[]): string {
  if (!isCut) return body;
  let end = body.length;
  for (const { text } of spellings) {
    for (
      let length = Math.min(text.length - 1, body.length);
      length >= SHORTEST_PIECE;
      length -= 1
    ) {
      if (!body.endsWith(text.slice(0, length))) continue;
      end = Math.min(end, body.length - length);
      break;
    }
  }
  return body.slice(0, end);
}

function spellingsOf({ name, value }: Hidden): readonly Spelling[] {
  const shown = `[secret ${name}]`;
  const bytes = Buffer.from(value);
  const quoted = inJson(value);
  const encoded = encodeURIComponent(value);
  const inJsonText = [
    quoted,
    quoted.replaceAll('/', '\\/'),
    quoted.replaceAll(/[<>&]/g, unicodeEscape),
    quoted.replaceAll(/[<>&']/g, unicodeEscape),
    quoted.replaceAll(/[^\x20-\x7e]/g, unicodeEscape),
    ...[/[^\da-z]/gi, /[^\da-z ]/gi, /[^\da-z._ -]/gi].map((all) =>
      value.replaceAll(all, unicodeEscape),
    ),
  ].flatMap((one) => [one, upperUnicode(one)]);
  const inAddress = [
    encoded,
    encoded.replaceAll(/[!'()*]/g, percentEscape),
    encoded.replaceAll(/[^\da-z%]/gi, percentEscape),
    bytes.toString('hex').toUpperCase().replaceAll(/../g, '%$&'),
  ].flatMap((one) => [one, one.replaceAll('%20', '+'), lowerPercent(one)]);
  const texts = [
    value,
    ...inJsonText.flatMap((one) => [one, inJson(one), inJson(one).replaceAll('/', '\\/')]),
    inHtml(value),
    ...inAddress.flatMap((one) => [
      one,
      one.replaceAll('%', '%25').replaceAll('+', '%2B'),
      one.replaceAll('%', '%25').replaceAll('+', '%2b'),
    ]),
    ...inBase64(bytes),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ];
  return [...new Set(texts)]
    .filter((text) => text.length >= SHORTEST_SPELLING)
    .map((text) => ({ text, shown }));
}

function inJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

function unicodeEscape(character: string): string {
  const units = [...Array(character.length).keys()].map((index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function upperUnicode(text: string): string {
  return text.replaceAll(/\\u[\da-f]{4}/g, (escape) => `\\u${escape.slice(2).toUpperCase()}`);
}

function percentEscape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function lowerPercent(text: string): string {
  return text.replaceAll(/%[\dA-F]{2}/g, (escape) => escape.toLowerCase());
}

const HTML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function inHtml(value: string): string {
  return value.replaceAll(/[&<>"']/g, (character) => HTML_ENTITIES[character] ?? character);
}

/** What of the value is the same in base64 wherever it stands in the encoded text, for each offset. */
function inBase64(bytes: Buffer): readonly string[] {
  const texts: string[] = [];
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const start = before === 0 ? 0 : before + 1;
    // The last character holds bits of whatever follows, unless the value ends with a group.
    const isWhole = (before + bytes.length) % 3 === 0;
    const core = padded.slice(start, isWhole ? undefined : -1);
    texts.push(core, core.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return texts;
}

function latin1Of(text: string): string {
  return Buffer.from(text).toString('latin1');
}
