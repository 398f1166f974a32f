import { destinationLimit, type LimitKey, parseLimitKey } from '@ezthrottle/core/protocol';
import { DEFAULT_PACE, type Id } from '@ezthrottle/engine';
import { MemoryStore } from '@ezthrottle/testing';
import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { createDestinationEdits } from './destination-edits.ts';
import { createLimitRules, type LiveLimitRules } from './limit-rules.ts';
import { createLimits, type Limits } from './limits.ts';

const ACME: Id = '00000000-0000-7000-8000-000000000001';
const OTHER: Id = '00000000-0000-7000-8000-000000000002';
const ORIGIN = 'https://a.test';
const OPERATOR = { ...DEFAULT_PACE, ratePerSecond: 7, configured: true };

let store: MemoryStore;
let rules: LiveLimitRules;
let limits: Limits;

function rulesOf(): LiveLimitRules {
  const paceOf = (origin: string) => (origin === ORIGIN ? OPERATOR : DEFAULT_PACE);
  return createLimitRules({ limits: store.limits, tenancy: store.tenancy, paceOf });
}

function limitsOf(mostPerOrganization: number, most = 100): Limits {
  return createLimits({
    reads: store.limits,
    rules,
    commit: async (operation) => store.commitNow(operation),
    clock: new FakeClock(),
    mostPerOrganization,
    most,
  });
}

function keyOf(text: string): LimitKey {
  const key = parseLimitKey(text);
  if (key === null) throw new Error(`${text} is no key`);
  return key;
}

beforeEach(() => {
  store = new MemoryStore();
  for (const id of [ACME, OTHER]) {
    const organization = { id, name: id, createdAt: 0 };
    store.commitNow({ type: 'put_organization', organization });
  }
  rules = rulesOf();
  limits = limitsOf(100);
});

const put = (organization: Id, key: string, rate: number) =>
  limits.change(organization, keyOf(key), () => ({ rate }));

describe('the rules of limits', () => {
  it('follow each change once it is on disk, and tell of it', async () => {
    const told: unknown[] = [];
    const end = rules.onChanged((organization, key) => {
      told.push([organization, key, rules.settingsOf(organization, key)?.pace.ratePerSecond]);
    });
    await put(ACME, 'tpm', 5);
    await put(ACME, 'tpm', 5);
    await put(ACME, 'tpm', 6);
    await limits.change(ACME, keyOf('tpm'), () => null);
    end();
    await put(ACME, 'tpm', 7);
    expect(told).toEqual([
      [ACME, 'tpm', 5],
      [ACME, 'tpm', 6],
      [ACME, 'tpm', undefined],
    ]);
    expect(rules.settingsOf(OTHER, 'tpm')).toBeNull();
  });

  it('are all there after a start, more than one page of them', async () => {
    const keys = Array.from({ length: 1_001 }, (_, n) => `limit-${n}`);
    limits = limitsOf(2_000, 2_000);
    for (const key of keys) await put(ACME, key, 3);
    await put(OTHER, 'limit-0', 4);
    const loaded = rulesOf();
    await loaded.load();
    expect([loaded.countOf(ACME), loaded.countOf(OTHER), loaded.size]).toEqual([1_001, 1, 1_002]);
    expect(loaded.settingsOf(ACME, 'limit-1000')?.pace.ratePerSecond).toBe(3);
    expect(loaded.settingsOf(OTHER, 'limit-0')?.pace.ratePerSecond).toBe(4);
  });

  it('give a destination its limit’s pace, else the operator’s, else the default', async () => {
    expect(rules.destinationPace(ACME, ORIGIN)).toBe(OPERATOR);
    expect(rules.destinationPace(ACME, 'https://b.test')).toBe(DEFAULT_PACE);
    await put(ACME, destinationLimit(ORIGIN), 30);
    expect(rules.destinationPace(ACME, ORIGIN).ratePerSecond).toBe(30);
    expect(rules.destinationPace(OTHER, ORIGIN)).toBe(OPERATOR);
  });

  it('let jobs name what an organization has named, and not its destinations and users', async () => {
    for (const key of ['tpm', destinationLimit(ORIGIN), 'account:ann']) await put(ACME, key, 1);
    const lookup = rules.namedBy(ACME);
    expect(lookup('tpm')).toMatchObject({ burst: 1 });
    expect([lookup(destinationLimit(ORIGIN)), lookup('account:ann'), lookup('x')]).toEqual([
      null,
      null,
      null,
    ]);
    expect(rules.namedBy(OTHER)('tpm')).toBeNull();
  });

  it('tell the dispatcher of destinations alone', async () => {
    const edits = createDestinationEdits(rules);
    const told: unknown[] = [];
    edits.onChanged((organization, origin) => told.push([organization, origin]));
    await put(ACME, 'tpm', 1);
    await limits.change(ACME, keyOf(destinationLimit(ORIGIN)), () => ({ paused_until: 9 }));
    expect(told).toEqual([[ACME, ORIGIN]]);
    expect(edits.pausedUntil(ACME, ORIGIN)).toBe(9);
    expect(edits.pausedUntil(OTHER, ORIGIN)).toBeNull();
  });
});

describe('limits', () => {
  it('are as many as an organization may have; those that are there can still be changed', async () => {
    limits = limitsOf(2);
    await put(ACME, 'a', 1);
    await put(ACME, 'b', 1);
    expect(await put(ACME, 'c', 1)).toEqual({ verdict: 'full', most: 2 });
    expect(await put(ACME, 'b', 2)).toMatchObject({ verdict: 'changed' });
    expect(await put(OTHER, 'c', 1)).toMatchObject({ verdict: 'created' });
    await limits.change(ACME, keyOf('a'), () => null);
    expect(await put(ACME, 'c', 1)).toMatchObject({ verdict: 'created' });
  });

  it('are as many as the server may hold', async () => {
    limits = limitsOf(100, 2);
    await put(ACME, 'a', 1);
    await put(OTHER, 'a', 1);
    expect(await put(OTHER, 'b', 1)).toEqual({ verdict: 'full', most: 2 });
  });

  it('are made from what is stored even when somebody else changes it in between', async () => {
    await put(ACME, 'shared', 1);
    let seen = 0;
    const changed = await limits.change(ACME, keyOf('shared'), (stored) => {
      seen += 1;
      if (seen === 1 && stored !== null) {
        const limit = { ...stored, data: '{"rate":9,"burst":3}', version: stored.version + 1 };
        store.commitNow({ type: 'put_limit', limit, replaces: stored.version });
      }
      return { rate: 10 + seen, ...(stored?.data.includes('burst') === true && { burst: 3 }) };
    });
    expect(changed).toMatchObject({ record: { version: 3, data: '{"rate":12,"burst":3}' } });
  });

  it('go on after a change that was refused', async () => {
    const refused = limits.change(ACME, keyOf('a'), () => {
      throw new Error('not like this');
    });
    await expect(refused).rejects.toThrow('not like this');
    expect(await put(ACME, 'a', 1)).toMatchObject({ verdict: 'created' });
    expect(await limits.change(ACME, keyOf('b'), () => null)).toEqual({ verdict: 'gone' });
  });
});
