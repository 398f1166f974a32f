import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRedactionPath, type RedactionPath, redactJson } from './redact-json.ts';

function path(text: string): RedactionPath {
  const parsed = parseRedactionPath(text);
  if (parsed === null) throw new Error(`no path: ${text}`);
  return parsed;
}

function redacted(value: unknown, ...paths: readonly string[]): unknown {
  return JSON.parse(redactJson(JSON.stringify(value), paths.map(path)) ?? 'null');
}

const R = '[redacted]';

describe('redaction of JSON', () => {
  test('takes out what stands at a path, and nothing else', () => {
    const value = { card: { number: '1', 'a b': 2 }, items: [{ token: 1 }, { token: 2, n: 3 }] };
    expect(redacted(value, '$.card.number')).toEqual({ ...value, card: { number: R, 'a b': 2 } });
    expect(redacted(value, "$.card['a b']", '$.items[0]')).toEqual({
      card: { number: '1', 'a b': R },
      items: [R, { token: 2, n: 3 }],
    });
    expect(redacted(value, '$.items[*].token')).toEqual({
      ...value,
      items: [{ token: R }, { token: R, n: 3 }],
    });
    expect(redacted({ a: [{ p: 1 }, [{ p: { p: 2 } }]], p: 3 }, '$..p')).toEqual({
      a: [{ p: R }, [{ p: R }]],
      p: R,
    });
  });

  test('leaves a text without such a place as it came, to the letter', () => {
    const text = '{ "big": 12345678901234567890,  "a":1 }';
    expect(redactJson(text, [path('$.b'), path('$.a.b'), path('$[0]')])).toBe(text);
  });

  test('leaves numbers as they were written, however many digits they have', () => {
    const text = '{"p":1,"id":12345678901234567890,"rate":1.50,"n":[1e3,-0]}';
    expect(redactJson(text, [path('$.p')])).toBe(text.replace('"p":1', `"p":"${R}"`));
    expect(redactJson(text, [path('$.id'), path('$.n[*]')])).toBe(
      `{"p":1,"id":"${R}","rate":1.50,"n":["${R}","${R}"]}`,
    );
  });

  test('tells of a text that it cannot read, however deep', () => {
    expect(redactJson('{"a":', [path('$.a')])).toBeNull();
    const deep = `${'{"a":'.repeat(5_000)}{"p":1}${'}'.repeat(5_000)}`;
    expect(redactJson(deep, [path('$..p')])).toContain(R);
  });

  test('knows its paths and no others', () => {
    for (const text of ['', '$', 'a', '$.', '$[a]', '$[-1]', '$.a[?(@.b)]', '$...a', "$['a"]) {
      expect(parseRedactionPath(text)).toBeNull();
    }
    fc.assert(fc.property(fc.string(), (text) => parseRedactionPath(text) !== undefined));
  });
});
