import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLimitKey, LIMIT_BOUNDS, parseLimitKey } from './limit.ts';

describe('the key of a limit', () => {
  it.each([
    ['openai-tpm', { kind: 'custom', key: 'openai-tpm' }],
    ['team:x', { kind: 'custom', key: 'team:x' }],
    [
      'api-key:0192A000-0000-7000-8000-0000000000BB',
      {
        kind: 'api_key',
        key: 'api-key:0192a000-0000-7000-8000-0000000000bb',
        apiKey: '0192a000-0000-7000-8000-0000000000bb',
      },
    ],
    ['destinations', { kind: 'custom', key: 'destinations' }],
    ['account:ann', { kind: 'account', key: 'account:ann', userId: 'ann' }],
    [
      'destination:HTTP://Bücher.example:80/',
      {
        kind: 'destination',
        key: 'destination:http://xn--bcher-kva.example',
        origin: 'http://xn--bcher-kva.example',
      },
    ],
    [
      'destination:https://[::1]:8443',
      {
        kind: 'destination',
        key: 'destination:https://[::1]:8443',
        origin: 'https://[::1]:8443',
      },
    ],
  ])('%s means one thing', (text, key) => {
    expect(parseLimitKey(text)).toEqual(key);
    expect(checkLimitKey(text)).toEqual([]);
  });

  it.each([
    '',
    '.',
    '..',
    'account:',
    'api-key:',
    'api-key:ann',
    'a\u0000b',
    'half \ud83d',
    'x'.repeat(129),
    'destination:https://a.test:99999',
    'destination:https://a.test?x',
    'destination:https://a.test#x',
    'destination:https://user@a.test',
    'destination:a.test',
    // Longer once it is spelled as the network has it.
    `destination:https://${'ü.'.repeat(120)}test`,
  ])('is not %j, and is told why', (text) => {
    expect(parseLimitKey(text)).toBeNull();
    expect(checkLimitKey(text)).toEqual([
      { path: 'key', message: 'is not the key of a limit', expected: expect.any(String) },
    ]);
  });

  it('has one spelling, which means the same', () => {
    const part = fc.stringMatching(/^[a-zA-Z0-9:./ %ü-]{0,40}$/);
    const text = fc.oneof(
      part,
      part.map((rest) => `account:${rest}`),
      fc.webUrl({ withFragments: false }).map((url) => `destination:${new URL(url).origin}`),
      part.map((rest) => `destination:https://${rest}`),
    );
    fc.assert(
      fc.property(text, (given) => {
        const key = parseLimitKey(given);
        expect(checkLimitKey(given).length).toBe(key === null ? 1 : 0);
        if (key === null) return;
        expect(parseLimitKey(key.key)).toEqual(key);
        expect(key.key.length).toBeLessThanOrEqual(LIMIT_BOUNDS.keyLength);
      }),
    );
  });
});
