import { describe, expect, it } from 'vitest';
import type { LimitRecord, Store } from '@ezthrottle/engine';
import { nextId, ORGANIZATION, OTHER_ORGANIZATION, T0 } from './builders.ts';
import { commitOne, onStore, type OpenStore } from './harness.ts';

function newLimit(overrides: Partial<LimitRecord> = {}): LimitRecord {
  return {
    organization: ORGANIZATION.id,
    key: 'openai-tpm',
    data: '{"rate":10}',
    version: 1,
    createdAt: T0,
    updatedAt: T0,
    ...overrides,
  };
}

function put(store: Store, limit: LimitRecord, replaces: number | null = null) {
  return commitOne(store, { type: 'put_limit', limit, replaces });
}

function remove(store: Store, key: string, version: number, organization = ORGANIZATION.id) {
  return commitOne(store, { type: 'delete_limit', organization, key, version });
}

export function limitPromises(open: OpenStore): void {
  describe('limits', () => {
    it(
      'are found again by organization and key, also after the store was opened again',
      onStore(open, async ({ store, reopen }) => {
        const mine = newLimit();
        const theirs = newLimit({ organization: OTHER_ORGANIZATION.id, data: '{"rate":3}' });
        expect(await store.limits.get(mine.organization, mine.key)).toBeNull();
        expect([await put(store, mine), await put(store, theirs)]).toEqual([
          { verdict: 'ok' },
          { verdict: 'ok' },
        ]);
        const again = await reopen();
        expect(await again.limits.get(mine.organization, mine.key)).toEqual(mine);
        expect(await again.limits.get(theirs.organization, theirs.key)).toEqual(theirs);
        expect(await again.limits.get(mine.organization, 'openai')).toBeNull();
        expect(await again.limits.get(nextId(), mine.key)).toBeNull();
      }),
    );

    it(
      'have keys of any characters, in the order of their code points',
      onStore(open, async ({ store }) => {
        const keys = ['a', 'a\u0000b', 'ab', 'b\ufeff', 'é', '\uffee', '\u{1f600}'];
        for (const key of keys.toReversed()) await put(store, newLimit({ key }));
        const list = async (prefix: string): Promise<readonly string[]> => {
          const query = { organization: ORGANIZATION.id, prefix, after: null, limit: 10 };
          return (await store.limits.list(query)).map(({ key }) => key);
        };
        expect(await list('')).toEqual(keys);
        expect(await list('a\u0000')).toEqual(['a\u0000b']);
        for (const key of keys) expect(await remove(store, key, 1)).toEqual({ verdict: 'ok' });
      }),
    );

    it(
      'change only from the version that is stored',
      onStore(open, async ({ store }) => {
        const first = newLimit();
        const second = newLimit({ data: '{"rate":20}', version: 2, updatedAt: T0 + 5 });
        expect(await put(store, second, 1)).toEqual({ verdict: 'gone' });
        await put(store, first);
        expect(await put(store, second)).toEqual({ verdict: 'stale' });
        expect(await put(store, second, 2)).toEqual({ verdict: 'stale' });
        expect(await store.limits.get(first.organization, first.key)).toEqual(first);
        expect(await put(store, second, 1)).toEqual({ verdict: 'ok' });
        expect(await store.limits.get(first.organization, first.key)).toEqual(second);
      }),
    );

    it(
      'are deleted only in the version that is stored, and nobody else’s with them',
      onStore(open, async ({ store }) => {
        const limit = newLimit();
        const theirs = newLimit({ organization: OTHER_ORGANIZATION.id });
        await put(store, limit);
        await put(store, theirs);
        expect(await remove(store, limit.key, 2)).toEqual({ verdict: 'stale' });
        expect(await remove(store, 'other', 1)).toEqual({ verdict: 'gone' });
        expect(await remove(store, limit.key, 1, nextId())).toEqual({ verdict: 'gone' });
        expect(await remove(store, limit.key, 1)).toEqual({ verdict: 'ok' });
        expect(await remove(store, limit.key, 1)).toEqual({ verdict: 'gone' });
        expect(await store.limits.get(limit.organization, limit.key)).toBeNull();
        expect(await store.limits.get(theirs.organization, limit.key)).toEqual(theirs);
        expect(await put(store, limit)).toEqual({ verdict: 'ok' });
      }),
    );

    it(
      'are listed by key in the order of code points, from behind one on, by prefix',
      onStore(open, async ({ store }) => {
        const keys = ['b', 'a%', 'a', 'a_c', 'ab', 'ä', '\u{1f680}', '\uffee', 'A', 'a b'];
        for (const key of keys) await put(store, newLimit({ key }));
        await put(store, newLimit({ key: 'aa', organization: OTHER_ORGANIZATION.id }));
        const list = async (prefix = '', after: string | null = null, limit = 100) => {
          const organization = ORGANIZATION.id;
          const found = await store.limits.list({ organization, prefix, after, limit });
          return found.map(({ key }) => key);
        };
        const ordered = ['A', 'a', 'a b', 'a%', 'a_c', 'ab', 'b', 'ä', '\uffee', '\u{1f680}'];
        expect(await list()).toEqual(ordered);
        expect(await list('', 'a%', 3)).toEqual(ordered.slice(4, 7));
        expect(await list('', '\uffee')).toEqual(['\u{1f680}']);
        expect(await list('a')).toEqual(ordered.slice(1, 6));
        expect(await list('a_')).toEqual(['a_c']);
        expect(await list('a%')).toEqual(['a%']);
        expect(await list('a', 'a_c')).toEqual(['ab']);
        expect(await list('c')).toEqual([]);
      }),
    );

    it(
      'of an organization that is not known are refused',
      onStore(open, async ({ store }) => {
        const limit = newLimit({ organization: nextId() });
        expect(await put(store, limit)).toMatchObject({ verdict: 'rejected' });
        const { organization } = limit;
        const all = { organization, prefix: '', after: null, limit: 10 };
        expect(await store.limits.list(all)).toEqual([]);
      }),
    );
  });
}
