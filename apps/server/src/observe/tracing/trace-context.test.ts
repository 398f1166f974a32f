import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { incomingTrace, isSampled } from './trace-context.ts';

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

function readFrom(headers: Readonly<Record<string, string>>) {
  return incomingTrace((name) => headers[name] ?? null);
}

describe('the trace of a request', () => {
  test('is what its headers say', () => {
    expect(readFrom({ traceparent: PARENT })).toEqual({ parent: PARENT });
    const tracestate = 'one=1,two=2';
    expect(readFrom({ traceparent: PARENT, tracestate })).toEqual({
      parent: PARENT,
      state: tracestate,
    });
  });

  test.each([
    '',
    'x',
    PARENT.toUpperCase(),
    `ff${PARENT.slice(2)}`,
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`,
    `${PARENT}-more`,
  ])('is none where they say it wrongly: %s', (traceparent) => {
    expect(readFrom({ traceparent })).toBeNull();
  });

  test('has no state that is too long or no text, and stays small whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000, unit: 'binary' }), (tracestate) => {
        const trace = readFrom({ traceparent: PARENT, tracestate });
        expect(JSON.stringify(trace).length).toBeLessThan(1_200);
        expect(trace?.state ?? 'none').toMatch(/^[\x20-\x7e]+$/);
      }),
    );
  });

  test('is recorded if its beginning says so', () => {
    expect([
      isSampled({ parent: PARENT }),
      isSampled({ parent: `${PARENT.slice(0, -1)}0` }),
    ]).toEqual([true, false]);
  });
});
