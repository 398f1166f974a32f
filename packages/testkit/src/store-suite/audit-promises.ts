import { describe, expect, it } from 'vitest';
import type { AuditRecord, Operation, Store } from '@ezthrottle/engine';
import { API_KEY, nextId, ORGANIZATION, OTHER_ORGANIZATION, T0 } from './builders.ts';
import { commitOne, onStore, type OpenStore } from './harness.ts';

function newEntry(overrides: Partial<AuditRecord> = {}): AuditRecord {
  return {
    id: nextId(),
    organization: ORGANIZATION.id,
    at: T0,
    action: 'limit.put',
    target: 'openai',
    apiKey: API_KEY.id,
    actor: 'ada',
    reason: 'too slow',
    before: null,
    after: { rate: 10, nested: { list: [1, null, 'ä'] } },
    ...overrides,
  };
}

function put(store: Store, ...entries: readonly AuditRecord[]) {
  return store.commit(entries.map((entry): Operation => ({ type: 'put_audit', entry })));
}

async function listed(store: Store, overrides: object = {}): Promise<readonly AuditRecord[]> {
  const all = { action: null, target: null, before: null, limit: 100 };
  return store.audit.list({ organization: ORGANIZATION.id, ...all, ...overrides });
}

export function auditPromises(open: OpenStore): void {
  describe('the audit log', () => {
    it(
      'gives entries back as they were put, the newest first, also after the store was opened again',
      onStore(open, async ({ store, reopen }) => {
        const bare = { target: null, apiKey: null, actor: null, reason: null, after: null };
        const entries = [
          newEntry(),
          newEntry({ at: T0 + 2 }),
          newEntry({ at: T0 + 1, ...bare }),
          newEntry({ at: T0 + 1 }),
        ];
        await put(store, ...entries);
        const [first, last, third, second] = entries;
        expect(await listed(await reopen())).toEqual([last, second, third, first]);
      }),
    );

    it(
      'keeps what operators write, whichever characters they use',
      onStore(open, async ({ store }) => {
        const odd = '\u0000 \ufeff \u{1f600} \\u0000 "';
        const entry = newEntry({ target: odd, actor: odd, reason: odd, before: { [odd]: odd } });
        await put(store, entry);
        expect(await listed(store, { target: odd })).toEqual([entry]);
      }),
    );

    it(
      'is read page by page, by kind and by what was acted on, each organization its own',
      onStore(open, async ({ store }) => {
        const one = newEntry();
        const two = newEntry({ action: 'limit.delete' });
        const three = newEntry({ target: 'other' });
        await put(store, one, two, three, newEntry({ organization: OTHER_ORGANIZATION.id }));
        expect(await listed(store, { limit: 2 })).toEqual([three, two]);
        expect(await listed(store, { before: two })).toEqual([one]);
        expect(await listed(store, { action: 'limit.delete' })).toEqual([two]);
        expect(await listed(store, { target: 'openai' })).toEqual([two, one]);
        expect(await listed(store, { target: 'openai', action: 'limit.put' })).toEqual([one]);
        expect(await listed(store, { organization: nextId() })).toEqual([]);
      }),
    );

    it(
      'has an entry for an act that was done, and none for one that was not',
      onStore(open, async ({ store }) => {
        const limit = {
          organization: ORGANIZATION.id,
          key: 'openai',
          data: '{}',
          version: 1,
          createdAt: T0,
          updatedAt: T0,
        };
        const operation = { type: 'put_limit', limit, replaces: null } as const;
        const entry = newEntry();
        expect(await commitOne(store, { type: 'audited', operation, entry })).toEqual({
          verdict: 'ok',
        });
        const again = { type: 'audited', operation, entry: newEntry() } as const;
        expect(await commitOne(store, again)).toEqual({ verdict: 'stale' });
        expect(await listed(store)).toEqual([entry]);
      }),
    );

    it(
      'undoes an act whose entry cannot be put',
      onStore(open, async ({ store }) => {
        const id = nextId();
        const operation = {
          type: 'put_organization',
          organization: { id, name: 'New', createdAt: T0 },
        } as const;
        const entry = newEntry({ organization: nextId() });
        const verdict = await commitOne(store, { type: 'audited', operation, entry });
        expect(verdict).toMatchObject({ verdict: 'rejected' });
        const known = await store.tenancy.organizations();
        expect(known.map((organization) => organization.id)).not.toContain(id);
      }),
    );

    it(
      'takes no entry twice',
      onStore(open, async ({ store }) => {
        const entry = newEntry();
        await put(store, entry);
        const changed = { ...entry, reason: 'another' };
        expect(await put(store, changed)).toMatchObject([{ verdict: 'rejected' }]);
        expect(await listed(store)).toEqual([entry]);
      }),
    );

    it(
      'forgets what is past its time, the oldest first',
      onStore(open, async ({ store }) => {
        const entries = [0, 1, 2, 3].map((ms) => newEntry({ at: T0 + ms }));
        await put(store, ...entries);
        const prune = { type: 'prune_audit', before: T0 + 3, limit: 2 } as const;
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 2 });
        expect(await listed(store)).toEqual([entries[3], entries[2]]);
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 1 });
        expect(await commitOne(store, prune)).toEqual({ verdict: 'ok', count: 0 });
        expect(await listed(store)).toEqual([entries[3]]);
      }),
    );
  });
}
