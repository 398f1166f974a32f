/** Spellings shorter than this would hide text that has nothing to do with the value. */
export const SHORTEST_SPELLING = 6;

/**
 * Ways in which targets usually echo a value: as it is, in JSON (once or twice, with slashes, `<>&`, all beyond
 * ASCII or all but letters and digits escaped), in HTML, in an address or a form (once or twice encoded, or
 * encoded throughout), in base64 at every offset, in hexadecimal, and in UTF-16. What is not ASCII is there a
 * second time as its bytes are read one by one, for bodies that are no text.
 */
export function spellingsOf(value: string): readonly string[] {
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
  const wide = [value, quoted].map((text) => Buffer.from(text, 'utf16le'));
  const inBytes = [
    ...texts.map((text) => Buffer.from(text).toString('latin1')),
    ...wide.map((two) => two.toString('latin1')),
    ...wide.map((two) => two.swap16().toString('latin1')),
  ];
  return [...new Set([...texts, ...inBytes])].filter((text) => text.length >= SHORTEST_SPELLING);
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
