import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkHeaders, checkMethod, checkStatusCodes, checkUrl, memberPath } from './checks.ts';
import { LIMITS } from './limits.ts';

describe('checkUrl', () => {
  it.each([
    'https://api.example.com',
    'http://localhost:8080/path?query=1#part',
    'HTTPS://EXAMPLE.COM/with space',
    'http://[::1]:9000/',
    'https://example.com/žluťoučký',
  ])('takes %s', (url) => {
    expect(checkUrl(url, 'url')).toEqual([]);
  });

  it.each([
    [undefined, 'is required'],
    [null, 'is required'],
    ['', 'is required'],
    [7, 'is not a string'],
    ['example.com', 'is not an http(s) address'],
    ['//example.com', 'is not an http(s) address'],
    ['http:example.com', 'is not an http(s) address'],
    ['http://', 'is not an http(s) address'],
    ['file:///etc/passwd', 'is not an http(s) address'],
    ['javascript:alert(1)', 'is not an http(s) address'],
    ['https://exa\nmple.com', 'contains a control character'],
    ['https://ada@example.com', 'contains a user name or password'],
    [`https://example.com/${'x'.repeat(LIMITS.urlLength)}`, 'is 8212 characters long'],
  ])('refuses %j', (url, message) => {
    const problems = checkUrl(url, 'on_success.url');
    expect(problems).toMatchObject([{ path: 'on_success.url', message }]);
    expect(problems[0]?.expected).toMatch(/\w/);
  });
});

describe('checkMethod', () => {
  it.each([undefined, 'GET', 'post', 'PATCH', 'PROPFIND'])('takes %s', (method) => {
    expect(checkMethod(method, 'method')).toEqual([]);
  });

  it.each(['', 'GE T', 'GET\r\n', 'connect', 'TRACE', 'X'.repeat(33), 7, null])(
    'refuses %j',
    (method) => {
      expect(checkMethod(method, 'method')).toMatchObject([{ path: 'method' }]);
    },
  );
});

describe('checkHeaders', () => {
  it.each([undefined, {}, { Accept: '*/*', 'X-Name': 'caf\u00e9\twith tab' }])(
    'takes %j',
    (headers) => {
      expect(checkHeaders(headers, 'headers')).toEqual([]);
    },
  );

  it.each([
    ['a list', [], 'headers'],
    ['a text', 'Accept: all', 'headers'],
    ['a line break', { A: 'x\r\nB: y' }, 'headers.A'],
    ['a NUL', { A: 'x\u0000' }, 'headers.A'],
    ['what Latin-1 does not have', { A: '🐎' }, 'headers.A'],
    ['a number', { A: 7 }, 'headers.A'],
    ['a name with a colon', { 'A:': 'x' }, 'headers["A:"]'],
    ['an empty name', { '': 'x' }, 'headers[""]'],
    ['a name twice', { 'X-A': 'x', 'x-a': 'y' }, 'headers["x-a"]'],
    ['too many bytes', { A: 'x'.repeat(LIMITS.headerBytes) }, 'headers'],
  ])('refuses %s', (_, headers, path) => {
    expect(checkHeaders(headers, 'headers')).toMatchObject([{ path }]);
  });

  it('refuses more than a hundred', () => {
    const headers = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`X-${n}`, 'x']));
    expect(checkHeaders(headers, 'headers')).toMatchObject([{ message: 'has 101 headers' }]);
  });

  it('lets through only what the platform’s own Headers take', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, value) => {
        if (checkHeaders({ [name]: value }, '').length > 0) return;
        expect(new Headers([[name, value]]).get(name)).toBe(
          value.replaceAll(/^[\t ]+|[\t ]+$/g, ''),
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('checkStatusCodes', () => {
  it('takes lists of statuses, empty ones where that means never', () => {
    expect(checkStatusCodes(undefined, 'codes')).toEqual([]);
    expect(checkStatusCodes([429, 599], 'codes')).toEqual([]);
    expect(checkStatusCodes([], 'codes')).toEqual([]);
    expect(checkStatusCodes([], 'codes', { allowEmpty: false })).toMatchObject([
      { path: 'codes', message: 'is empty' },
    ]);
  });

  it('names every entry that is none', () => {
    const problems = checkStatusCodes([200, 99, '429', 600, 404.5, Number.NaN], 'codes');
    expect(problems.map(({ path }) => path)).toEqual([1, 2, 3, 4, 5].map((n) => `codes[${n}]`));
  });

  it.each(['429', { 0: 429 }, Array.from({ length: 101 }, () => 429)])('refuses %j', (codes) => {
    expect(checkStatusCodes(codes, 'codes')).toMatchObject([{ path: 'codes' }]);
  });
});

describe('memberPath', () => {
  it('quotes names that are not plain words and cuts long ones', () => {
    expect(memberPath('', 'url')).toBe('url');
    expect(memberPath('on_success', 'url')).toBe('on_success.url');
    expect(memberPath('headers', 'X-A"b')).toBe('headers["X-A\\"b"]');
    expect(memberPath('', 'x'.repeat(1_000))).toBe('x'.repeat(64));
  });
});
