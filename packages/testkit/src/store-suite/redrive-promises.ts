import { describe, expect, it } from 'vitest';
import type { RedriveItem, RedriveRecord, Store } from '@ezthrottle/engine';
import { nextId, ORGANIZATION, OTHER_ORGANIZATION, T0 } from './builders.ts';
import { commitOne, onStore, type OpenStore } from './harness.ts';

function newRecord(overrides: Partial<RedriveRecord> = {}): RedriveRecord {
  return {
    id: nextId(),
    organization: ORGANIZATION.id,
    data: '{"state":"running"}',
    version: 1,
    createdAt: T0,
    endedAt: null,
    ...overrides,
  };
}

function newItem(number: number, overrides: Partial<RedriveItem> = {}): RedriveItem {
  return { number, source: nextId(), result: nextId(), outcome: 'sent', ...overrides };
}

function put(
  store: Store,
  redrive: RedriveRecord,
  replaces: number | null = null,
  items: readonly RedriveItem[] = [],
) {
  return commitOne(store, { type: 'put_redrive', redrive, replaces, items });
}

export function redrivePromises(open: OpenStore): void {
  describe('redrives', () => {
    it(
      'are found again by organization and id, also after the store was opened again',
      onStore(open, async ({ store, reopen }) => {
        const mine = newRecord();
        expect(await put(store, mine)).toEqual({ verdict: 'ok' });
        const { redrives } = await reopen();
        expect(await redrives.get(ORGANIZATION.id, mine.id)).toEqual(mine);
        expect(await redrives.get(OTHER_ORGANIZATION.id, mine.id)).toBeNull();
        expect(await redrives.get(ORGANIZATION.id, nextId())).toBeNull();
        expect(await redrives.running()).toEqual([mine]);
      }),
    );

    it(
      'change only from the version that is stored, with their items or not at all',
      onStore(open, async ({ store }) => {
        const first = newRecord();
        const second = { ...first, version: 2, data: '{}', endedAt: T0 + 9 };
        expect(await put(store, second, 1)).toEqual({ verdict: 'gone' });
        await put(store, first, null, [newItem(1)]);
        expect(await put(store, first)).toEqual({ verdict: 'stale' });
        expect(await put(store, second, 7, [newItem(2)])).toEqual({ verdict: 'stale' });
        const all = { after: 0, outcome: null, limit: 10 };
        expect(await store.redrives.items(first.id, all)).toHaveLength(1);
        expect(await put(store, second, 1, [newItem(2)])).toEqual({ verdict: 'ok' });
        expect(await store.redrives.items(first.id, all)).toHaveLength(2);
        expect(await store.redrives.get(ORGANIZATION.id, first.id)).toEqual(second);
        expect(await store.redrives.running()).toEqual([]);
      }),
    );

    it(
      'have items that are read by number and outcome, and change',
      onStore(open, async ({ store }) => {
        const record = newRecord();
        const [one, two, three] = [
          newItem(1),
          newItem(2, { result: null, outcome: 'gone' }),
          newItem(3),
        ] as const;
        await put(store, record, null, [one, two, three]);
        const items = (after: number, outcome: RedriveItem['outcome'] | null, limit = 10) =>
          store.redrives.items(record.id, { after, outcome, limit });
        expect(await items(0, null)).toEqual([one, two, three]);
        expect(await items(1, null, 1)).toEqual([two]);
        expect(await items(0, 'sent')).toEqual([one, three]);
        expect(await items(0, 'gone')).toEqual([two]);
        const ended = { ...one, outcome: 'failed' } as const;
        await put(store, { ...record, version: 2 }, 1, [ended]);
        expect(await items(0, 'sent')).toEqual([three]);
        expect(await items(0, 'failed')).toEqual([ended]);
        expect(await store.redrives.items(nextId(), { after: 0, outcome: null, limit: 1 })).toEqual(
          [],
        );
      }),
    );

    it(
      'are listed with the newest first, page by page, each organization its own',
      onStore(open, async ({ store }) => {
        const records = [0, 1, 1, 2].map((ms) => newRecord({ createdAt: T0 + ms }));
        for (const record of records) await put(store, record);
        await put(store, newRecord({ organization: OTHER_ORGANIZATION.id }));
        const [first, second, third, fourth] = records;
        const list = (before: RedriveRecord | null, limit = 10) =>
          store.redrives.list({ organization: ORGANIZATION.id, before, limit });
        expect(await list(null)).toEqual([fourth, third, second, first]);
        expect(await list(third ?? null, 1)).toEqual([second]);
      }),
    );

    it(
      'go with their items when they ended long ago, the oldest first',
      onStore(open, async ({ store }) => {
        const records = [5, 3, null].map((ms) =>
          newRecord({ endedAt: ms === null ? null : T0 + ms }),
        );
        for (const record of records) await put(store, record, null, [newItem(1)]);
        const prune = { type: 'prune_redrives', before: T0 + 9, limit: 1 } as const;
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 1 });
        const [first, second, running] = records;
        expect(await store.redrives.get(ORGANIZATION.id, second?.id ?? '')).toBeNull();
        const all = { after: 0, outcome: null, limit: 10 };
        expect(await store.redrives.items(second?.id ?? '', all)).toEqual([]);
        expect(await store.redrives.get(ORGANIZATION.id, first?.id ?? '')).toEqual(first);
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 1 });
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 0 });
        expect(await store.redrives.running()).toEqual([running]);
      }),
    );
  });
}
