import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { referencedSecrets, withSecrets } from './secret-references.ts';

const upper = (name: string): string => `<${name}>`;

describe('references to secrets', () => {
  test('are found in the address, the headers and the body, each name once', () => {
    const call = {
      url: 'https://api.example.com/{{secret.PATH}}?key={{secret.KEY}}',
      headers: { Authorization: 'Bearer {{secret.TOKEN}}', 'X-Again': '{{secret.TOKEN}}' },
      body: '{"a":"{{secret.IN_BODY}}"}',
    };
    expect(referencedSecrets(call)).toEqual(['PATH', 'KEY', 'TOKEN', 'IN_BODY']);
  });

  test('are none in bytes, in other braces, and behind an exclamation mark', () => {
    const url = 'https://api.example.com/';
    for (const body of [
      '{{name}}',
      '{{ secret.A }}',
      '{{secret.}}',
      '{{secret.A-B}}',
      '{{secret.A',
    ]) {
      expect(referencedSecrets({ url, body })).toBeNull();
      expect(withSecrets(body, upper)).toBe(body);
    }
    expect(referencedSecrets({ url, body: '{{secret.A}}', body_encoding: 'base64' })).toBeNull();
    expect(referencedSecrets({ url, body: '{{!secret.A}}' })).toEqual([]);
    expect(withSecrets('a {{!secret.A}} {{!!secret.A}} {{secret.B}}', upper)).toBe(
      'a {{secret.A}} {{!secret.A}} <B>',
    );
  });

  test('change nothing around them, and a value is not looked through again', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        fc.pre(!`${before}${after}`.includes('secret.') && !before.endsWith('{'));
        const sent = withSecrets(`${before}{{secret.A}}${after}`, () => '{{secret.B}}$&');
        expect(sent).toBe(`${before}{{secret.B}}$&${after}`);
      }),
    );
  });
});
