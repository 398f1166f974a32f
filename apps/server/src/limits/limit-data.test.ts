import type { LimitKey, LimitSettingsRequest } from '@ezthrottle/core/protocol';
import {
  checkLimitSettings,
  encodeLimit,
  limitSettings,
  limitView,
  mergeLimit,
  unknownLimitFields,
} from '@ezthrottle/engine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLimit, checkLimitFields, decodeLimit } from './limit-data.ts';

const KEYS: readonly LimitKey[] = [
  { kind: 'custom', key: 'tpm' },
  { kind: 'account', key: 'account:ann', userId: 'ann' },
  { kind: 'destination', key: 'destination:https://a.test', origin: 'https://a.test' },
];

const rate = fc.double({ min: 0, max: 1_000_000, minExcluded: true, noNaN: true });

const anySettings: fc.Arbitrary<LimitSettingsRequest> = fc.record(
  {
    rate,
    per_ms: fc.oneof(fc.constant(1_000), fc.integer({ min: 1, max: 86_400_000 })),
    burst: fc.integer({ min: 1, max: 1_000_000_000 }),
    concurrency: fc.integer({ min: 1, max: 1_000_000 }),
    adaptive: fc.boolean(),
    floor: rate,
    ceiling: rate,
    paused: fc.boolean(),
    paused_until: fc.maxSafeNat(),
    settle_header: fc.string({ minLength: 1, maxLength: 128, unit: 'binary' }),
    settle_path: fc.constant('$.usage["total"]'),
  },
  { requiredKeys: [] },
);

describe('a limit that is checked', () => {
  const problemsOf = (value: unknown) => {
    const checked = checkLimit('custom', value);
    return checked.ok ? [] : checked.problems.map(({ path }) => path);
  };

  it('is told all that is wrong at once', () => {
    const wrong = { rate: 5, adaptive: true, burst: 0, floor: 6, settle_path: 'usage', weight: 2 };
    expect(problemsOf(wrong).toSorted()).toEqual(['burst', 'floor', 'settle_path', 'weight']);
  });

  it('is told nothing that only follows from something else', () => {
    expect(problemsOf({ rate: 'x', burst: 5, floor: 1 })).toEqual(['rate']);
    expect(problemsOf({ concurrency: 0 })).toEqual(['concurrency']);
    expect(problemsOf({ rate: 5, adaptive: 1, floor: 2 })).toEqual(['adaptive']);
    expect(problemsOf([])).toEqual(['']);
  });
});

describe('a limit that is only a pause', () => {
  it.each([
    [{ paused: true }, { paused: false }],
    [{ paused: true }, { paused: null }],
    [{ paused_until: 5 }, { paused_until: null }],
    [
      { paused: true, paused_until: 5 },
      { paused: false, paused_until: null },
    ],
  ])('%j with %j is kept without it', (settings, change) => {
    for (const { kind } of KEYS) {
      const checked = checkLimit(kind, mergeLimit(settings, change));
      if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
      const read = decodeLimit(encodeLimit(kind, checked.value));
      expect(limitSettings(kind, read).pausedUntil).toBeNull();
      expect(checkLimit(kind, read).ok).toBe(true);
    }
  });
});

describe('a limit that is stored', () => {
  it('means the same when it is read', () => {
    fc.assert(
      fc.property(anySettings, fc.constantFrom(...KEYS), (settings, { kind }) => {
        const read = decodeLimit(encodeLimit(kind, settings));
        expect(limitSettings(kind, read)).toEqual(limitSettings(kind, settings));
        expect(checkLimitSettings(kind, read)).toEqual(checkLimitSettings(kind, settings));
        expect(encodeLimit(kind, read)).toBe(encodeLimit(kind, settings));
      }),
    );
  });

  it('is the same once more when what was shown is put again', () => {
    fc.assert(
      fc.property(anySettings, fc.constantFrom(...KEYS), (said, key) => {
        // Shown it says of each limit whether it is paused.
        const settings = { paused: false, ...said };
        const data = encodeLimit(key.kind, settings);
        const times = { version: 3, createdAt: 5, updatedAt: 7 };
        const view = limitView(
          key,
          { organization: '', key: key.key, data, ...times },
          decodeLimit(data),
          null,
        );
        const put = checkLimitFields(JSON.parse(JSON.stringify(view)));
        if (!put.ok) throw new Error(JSON.stringify(put.problems));
        expect(encodeLimit(key.kind, put.value)).toBe(data);
        expect(unknownLimitFields(view)).toEqual([]);
      }),
    );
  });

  it('is changed where changes are given, and nowhere else', () => {
    fc.assert(
      fc.property(anySettings, anySettings, (settings, changes) => {
        const merged = checkLimitFields(mergeLimit(settings, { ...changes, burst: null }));
        if (!merged.ok) throw new Error(JSON.stringify(merged.problems));
        const { burst: _, ...expected } = { ...settings, ...changes };
        expect(merged.value).toEqual(expected);
      }),
    );
  });

  it.each(['', '5', '[]', '{"rate":"1"}', '{"rate":0}'])('is not taken from %j', (data) => {
    expect(() => decodeLimit(data)).toThrow('a stored limit cannot be read');
  });
});
