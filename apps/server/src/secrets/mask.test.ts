import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hiddenValue } from './hidden-value.ts';
import { createMask } from './mask.ts';

const VALUE = 'p+s/w&rd "ü" <x>';
const MAX_BYTES = 1_048_576;
const mask = createMask([hiddenValue('TOKEN', VALUE)]);

function bodyOf(body: string, more: object = {}): string {
  const response = {
    status: 200,
    headers: {},
    body,
    bodyEncoding: 'utf8',
    truncated: false,
  } as const;
  return mask.response({ ...response, ...more }, MAX_BYTES).body;
}

describe('what a target echoes', () => {
  test.each([
    ['as it is', VALUE],
    ['in JSON', JSON.stringify({ got: VALUE })],
    ['in JSON with slashes escaped', JSON.stringify({ got: VALUE }).replaceAll('/', '\\/')],
    ['in an address', `/?q=${encodeURIComponent(VALUE)}`],
    ['in a form', new URLSearchParams({ q: VALUE }).toString()],
    ['in JSON within JSON', JSON.stringify({ a: JSON.stringify({ got: VALUE }) })],
    [
      'in JSON with all but letters and digits escaped',
      VALUE.replaceAll(/[^\da-z]/gi, (c) => `\\u00${c.charCodeAt(0).toString(16).toUpperCase()}`),
    ],
    ['in an address in an address', encodeURIComponent(`?q=${encodeURIComponent(VALUE)}`)],
    [
      'in an address in an address in lower case',
      encodeURIComponent(encodeURIComponent(VALUE)).toLowerCase(),
    ],
    [
      'in an address encoded throughout',
      Buffer.from(VALUE).toString('hex').replaceAll(/../g, '%$&'),
    ],
    ['in a form in a form', encodeURIComponent(new URLSearchParams({ q: VALUE }).toString())],
    ['in HTML', '<p>p+s/w&amp;rd &quot;ü&quot; &lt;x&gt;</p>'],
    ['in hexadecimal', Buffer.from(VALUE).toString('hex')],
    ['as an authorization', `Basic ${Buffer.from(`user:${VALUE}`).toString('base64')}`],
    ['in base64url', Buffer.from(`{"a":"${VALUE}"}`).toString('base64url')],
  ])('%s is masked', (_how, echoed) => {
    const shown = bodyOf(`before ${echoed} after`);
    expect(shown).toContain('[secret TOKEN]');
    expect(shown).toMatch(/^before .* after$/);
    expect(shown).not.toContain('w&rd');
  });

  test('in a body that is no text is masked there, and nothing else is touched', () => {
    const bytes = Buffer.concat([Buffer.from([0, 255, 1]), Buffer.from(VALUE), Buffer.from([254])]);
    const shown = Buffer.from(
      bodyOf(bytes.toString('base64'), { bodyEncoding: 'base64' }),
      'base64',
    );
    expect(shown).toEqual(
      Buffer.concat([Buffer.from([0, 255, 1]), Buffer.from('[secret TOKEN]'), Buffer.from([254])]),
    );
    const other = Buffer.from([0, 1, 2, 255]).toString('base64');
    expect(bodyOf(other, { bodyEncoding: 'base64' })).toBe(other);
  });

  test('and is cut off within is masked up to the cut', () => {
    for (let length = 4; length < VALUE.length; length += 1) {
      expect(bodyOf(`before ${VALUE.slice(0, length)}`, { truncated: true })).toBe('before ');
    }
  });

  test('in bytes that could not be decoded is withheld with them', () => {
    const headers = { 'content-encoding': 'zstd' };
    expect(bodyOf('AAEC', { bodyEncoding: 'base64', headers })).toBe('');
  });

  test('is found wherever it stands in base64', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 8 }), fc.string(), (before, value, after) => {
        const masked = createMask([hiddenValue('A', value)]);
        const shown = masked.text(Buffer.from(before + value + after).toString('base64'));
        const core = Buffer.from(value).toString('base64').replaceAll('=', '').slice(0, -2);
        expect(shown).toContain('[secret A]');
        expect(shown).not.toContain(core);
      }),
    );
  });

  test('is masked whole where values overlap or stand within one another', () => {
    const both = createMask([hiddenValue('A', 'abcdefgh'), hiddenValue('B', 'efghSECRET')]);
    expect(both.text('x abcdefghSECRET y')).toBe('x [secret A] y');
    const within = createMask([
      hiddenValue('A', 'in-the-middle'),
      hiddenValue('B', '<in-the-middle>!'),
    ]);
    expect(within.text('x <in-the-middle>! in-the-middle')).toBe('x [secret B] [secret A]');
  });

  test('is found among any other text and other values', () => {
    const values = fc.uniqueArray(fc.stringMatching(/^[ab]{8,20}$/), {
      minLength: 1,
      maxLength: 5,
    });
    const texts = fc.array(fc.oneof(fc.stringMatching(/^[ab]{0,30}$/), fc.nat(4)), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(values, texts, (hidden, parts) => {
        const text = parts
          .map((part) => (typeof part === 'number' ? hidden[part] : part))
          .join('-');
        const shown = createMask(hidden.map((value) => hiddenValue('S', value))).text(text);
        for (const value of hidden) expect(shown).not.toContain(value);
        const isAny = hidden.some((value) => text.includes(value));
        expect(shown !== text).toBe(isAny);
      }),
    );
  });

  test('makes no answer longer than its bound, and says where that cut it', () => {
    const long = createMask([hiddenValue('N'.repeat(64), 'abcdefgh')]);
    const body = 'abcdefgh'.repeat(131_072);
    const headers = { 'x-echo': 'abcdefgh'.repeat(2_000) };
    const response = { status: 200, headers, bodyEncoding: 'utf8', truncated: false } as const;
    const shown = long.response({ ...response, body }, MAX_BYTES);
    expect(shown.body).toHaveLength(MAX_BYTES);
    expect(shown.truncated).toBe(true);
    expect(shown.headers['x-echo']?.length).toBeLessThanOrEqual(32_768);
    const binary = Buffer.concat([Buffer.from([0xff]), Buffer.from(body)]).toString('base64');
    const bytes = long.response({ ...response, body: binary, bodyEncoding: 'base64' }, MAX_BYTES);
    expect(Buffer.from(bytes.body, 'base64')).toHaveLength(MAX_BYTES);
    expect(bytes.truncated).toBe(true);
  });

  test('is looked for in one go, however many values there are', () => {
    const many = Array.from({ length: 200 }, (_, index) =>
      hiddenValue(`S${index}`, `sk-proj-${Buffer.from(`value ${index}`).toString('hex')}"<>&/`),
    );
    const all = createMask(many);
    const before = process.cpuUsage().user;
    all.text('sk-proj-'.repeat(131_072));
    // One spelling after the other it was a second.
    expect((process.cpuUsage().user - before) / 1_000).toBeLessThan(500);
  });
});
