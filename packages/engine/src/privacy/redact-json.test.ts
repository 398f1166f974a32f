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

function redactedSlowly(value: unknown, paths: readonly RedactionPath[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const isList = Array.isArray(value);
  const entries = Object.entries(value).map(([name, below]: [string, unknown]) => {
    const next = paths.flatMap(([step, ...rest]) => {
      if (step === undefined) return [];
      const isMeant =
        step.kind === 'every' ||
        (step.kind === 'place'
          ? isList && String(step.index) === name
          : !isList && step.name === name);
      return [...(isMeant ? [rest] : []), ...(step.kind === 'anywhere' ? [[step, ...rest]] : [])];
    });
    const isHit = next.some((rest) => rest.length === 0);
    return [name, isHit ? R : redactedSlowly(below, next)];
  });
  return isList ? entries.map(([, below]) => below) : Object.fromEntries(entries);
}

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
    const deeper = '['.repeat(20_000) + ']'.repeat(20_000);
    expect(redactJson(deeper, [path('$..p')])).toBeNull();
  });

  test('looks at each value once, however many ways lead to it', () => {
    const times = 2_000;
    const text = `${'{"items":'.repeat(times)}[${'0,'.repeat(200_000)}0]${'}'.repeat(times)}`;
    const paths = ['$..items..email', '$..items..items..items..items..email'].map(path);
    const before = process.cpuUsage().user;
    expect(redactJson(text, paths)).toBe(text);
    // Once for each way it was minutes.
    expect((process.cpuUsage().user - before) / 1_000).toBeLessThan(2_000);
  });

  test('finds the same as somebody who goes along each path by himself', () => {
    const names = fc.constantFrom('a', 'b', 'c"');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(1, 'a', null, '["{'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(names, tie('tree'), { maxKeys: 3 }),
      ),
    }));
    const steps = fc.constantFrom('.a', '..a', '..b', '[0]', '[1]', '[*]', "['c\"']");
    const text = fc.array(steps, { minLength: 1, maxLength: 4 }).map((all) => `$${all.join('')}`);
    fc.assert(
      fc.property(tree, fc.array(text, { minLength: 1, maxLength: 3 }), (value, paths) => {
        const spaced = JSON.stringify(value, null, 1);
        const found = redactJson(spaced, paths.map(path)) ?? 'null';
        expect(JSON.parse(found)).toEqual(redactedSlowly(value, paths.map(path)));
      }),
    );
  });

  test('knows its paths and no others', () => {
    for (const text of ['', '$', 'a', '$.', '$[a]', '$[-1]', '$.a[?(@.b)]', '$...a', "$['a"]) {
      expect(parseRedactionPath(text)).toBeNull();
    }
    fc.assert(fc.property(fc.string(), (text) => parseRedactionPath(text) !== undefined));
  });
});
