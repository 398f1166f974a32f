import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { cutText, redactedBody } from './redact-body.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const PATHS = ['$..password'];
const TEXT = '{"password":"SEKRET","name":"José"}';

function bytes(data: Buffer): { readonly data: string; readonly encoding: 'base64' } {
  return { data: data.toString('base64'), encoding: 'base64' };
}

describe('a body of an organization that redacts by path', () => {
  test('in base64 is decoded, and kept as the text that is left', () => {
    const clean = { data: '{"password":"[redacted]","name":"José"}', encoding: 'utf8' };
    expect(redactedBody(bytes(Buffer.from(TEXT)), JSON_TYPE, PATHS)).toEqual(clean);
    expect(redactedBody(bytes(Buffer.from(TEXT)), {}, PATHS)).toEqual(clean);
  });

  test.each([
    ['as text', { data: `\ufeff${TEXT}`, encoding: 'utf8' }, JSON_TYPE],
    ['as text of no type', { data: `\ufeff${TEXT}`, encoding: 'utf8' }, {}],
    ['in base64', bytes(Buffer.from(`\ufeff${TEXT}`)), JSON_TYPE],
    ['in base64 of no type', bytes(Buffer.from(`\ufeff${TEXT}`)), {}],
  ] as const)('%s is looked through behind a byte order mark', (_how, body, headers) => {
    const data = '\ufeff{"password":"[redacted]","name":"José"}';
    expect(redactedBody(body, headers, PATHS)).toEqual({ data, encoding: 'utf8' });
  });

  test.each([
    ['in Latin-1', bytes(Buffer.from(TEXT, 'latin1')), JSON_TYPE],
    ['in Latin-1 of no type', bytes(Buffer.from(TEXT, 'latin1')), {}],
    ['in UTF-16', bytes(Buffer.from(`\ufeff${TEXT}`, 'utf16le')), { 'content-type': 'text/plain' }],
    ['in UTF-16 from the other end', bytes(Buffer.from(TEXT, 'utf16le').swap16()), {}],
    ['with a zero', bytes(Buffer.from(`${TEXT}\0`)), JSON_TYPE],
    ['behind zeros', bytes(Buffer.from(`${'\0'.repeat(9_000)}${TEXT}`)), {}],
    ['broken off', { data: TEXT.slice(0, -1), encoding: 'utf8' }, {}],
    ['compressed', bytes(gzipSync(TEXT)), { 'content-encoding': 'zstd' }],
    ['compressed twice', bytes(gzipSync(TEXT)), { 'Content-Encoding': 'gzip, gzip' }],
    [
      'in letters that are not read',
      { data: TEXT, encoding: 'utf8' },
      { 'content-type': 'application/json; charset=ibm037' },
    ],
    ['that is no base64', { data: '{', encoding: 'base64' }, JSON_TYPE],
  ] as const)('%s cannot be looked through, and is not kept', (_how, body, headers) => {
    expect(redactedBody(body, headers, PATHS)).toBeNull();
  });

  test.each([
    ['a text', { data: 'password: SEKRET', encoding: 'utf8' }, {}],
    ['a picture', bytes(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0])), { 'content-type': 'image/png' }],
    ['JSON without such a place', { data: '{"a":1}', encoding: 'utf8' }, JSON_TYPE],
    ['the same in base64', bytes(Buffer.from('{ "a":1}')), JSON_TYPE],
    ['the same behind a mark', { data: '\ufeff{"a":1}', encoding: 'utf8' }, JSON_TYPE],
    [
      'one in the encoding `identity`',
      { data: 'a', encoding: 'utf8' },
      { 'content-encoding': ' Identity' },
    ],
    ['nothing', { data: '', encoding: 'utf8' }, { 'content-encoding': 'zstd' }],
  ] as const)('stays the very same when it is %s', (_what, body, headers) => {
    expect(redactedBody(body, headers, PATHS)).toBe(body);
  });
});

test('a text is cut between characters', () => {
  expect(cutText('aé😀b', 8)).toBe('aé😀b');
  expect(cutText('aé😀b', 6)).toBe('aé');
  expect(cutText('', 0)).toBe('');
});
