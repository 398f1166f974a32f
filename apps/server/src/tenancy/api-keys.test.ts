import type { ApiKeyRecord } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { describe, expect, test } from 'vitest';
import { type ApiKeys, createApiKeys, hashApiKey } from './api-keys.ts';

const KEY = 'a-key-that-is-long-enough';

function record(more: Partial<ApiKeyRecord> = {}): ApiKeyRecord {
  return {
    id: 'key-1',
    organization: 'org-1',
    name: 'first',
    hash: hashApiKey(KEY),
    dialect: 'ezthrottle',
    createdAt: 0,
    expiresAt: null,
    scopes: ['submit', 'read', 'manage'],
    hint: null,
    previous: null,
    lastUsedAt: null,
    revokedAt: null,
    ...more,
  };
}

function keysOver(stored: Map<string, ApiKeyRecord>): {
  readonly keys: ApiKeys;
  readonly clock: FakeClock;
  readonly lookUps: string[];
} {
  const clock = new FakeClock();
  const lookUps: string[] = [];
  const reads = {
    async apiKeyByHash(hash: string) {
      lookUps.push(hash);
      return stored.get(hash) ?? null;
    },
  };
  return { keys: createApiKeys({ reads, clock, cacheSize: 2, cacheMs: 1_000 }), clock, lookUps };
}

describe('an API key', () => {
  test('tells for whom a request is made, and is looked up by its hash alone', async () => {
    const { keys, lookUps } = keysOver(new Map([[hashApiKey(KEY), record()]]));
    expect(await keys.authenticate(KEY)).toEqual({
      organization: 'org-1',
      apiKey: 'key-1',
      keyHash: hashApiKey(KEY),
      dialect: 'ezthrottle',
      scopes: ['submit', 'read', 'manage'],
      expiresAt: null,
    });
    expect(lookUps).toEqual([hashApiKey(KEY)]);
  });

  test('is remembered for a while, and forgotten after it was taken away', async () => {
    const stored = new Map([[hashApiKey(KEY), record()]]);
    const { keys, clock, lookUps } = keysOver(stored);
    await keys.authenticate(KEY);
    stored.clear();
    await clock.advance(999);
    expect(await keys.authenticate(KEY)).not.toBeNull();
    expect(lookUps).toHaveLength(1);
    await clock.advance(1);
    expect(await keys.authenticate(KEY)).toBeNull();
  });

  test('that expires stops working on time, remembered or not', async () => {
    const clock = new FakeClock();
    const expiring = record({ expiresAt: clock.now() + 10 });
    const reads = { apiKeyByHash: async () => expiring };
    const keys = createApiKeys({ reads, clock, cacheMs: 1_000 });
    expect(await keys.authenticate(KEY)).not.toBeNull();
    await clock.advance(10);
    expect(await keys.authenticate(KEY)).toBeNull();
  });

  test('that is unknown, empty or far too long opens nothing', async () => {
    const { keys, lookUps } = keysOver(new Map());
    for (const key of ['unknown', '', 'x'.repeat(10_000)]) {
      expect(await keys.authenticate(key)).toBeNull();
    }
    expect(lookUps).toHaveLength(1);
  });

  test('is one of a bounded number that is remembered', async () => {
    const names = ['one', 'two', 'three'];
    const stored = new Map(
      names.map((name) => [hashApiKey(name), record({ hash: hashApiKey(name) })]),
    );
    const { keys, lookUps } = keysOver(stored);
    for (const name of [...names, 'three', 'two', 'one']) await keys.authenticate(name);
    expect(lookUps).toEqual([...names, 'one'].map(hashApiKey));
  });

  test('that was changed here is not remembered, not even by a read under way', async () => {
    const stored = new Map([[hashApiKey(KEY), record()]]);
    const { keys, lookUps } = keysOver(stored);
    await keys.authenticate(KEY);
    stored.set(hashApiKey(KEY), record({ revokedAt: 1 }));
    keys.forget('key-1');
    expect(await keys.authenticate(KEY)).toBeNull();

    stored.set(hashApiKey(KEY), record());
    keys.forget('key-1');
    const reading = keys.authenticate(KEY);
    keys.forget('key-1');
    await reading;
    const before = lookUps.length;
    await keys.authenticate(KEY);
    expect(lookUps).toHaveLength(before + 1);
  });

  test('that was rotated opens for the overlap, and the new one beside it', async () => {
    const previous = { hash: hashApiKey(KEY), expiresAt: 0 };
    const clock = new FakeClock();
    previous.expiresAt = clock.now() + 500;
    const rotated = record({ hash: hashApiKey('the-new-one'), previous });
    const keys = createApiKeys({ reads: { apiKeyByHash: async () => rotated }, clock });
    expect(await keys.authenticate(KEY)).not.toBeNull();
    expect(await keys.authenticate('the-new-one')).not.toBeNull();
    await clock.advance(500);
    expect(await keys.authenticate(KEY)).toBeNull();
    expect(await keys.authenticate('the-new-one')).not.toBeNull();
  });

  test('tells its last use once, however often it was used', async () => {
    const names = ['one', 'two', 'three'];
    const stored = new Map(
      names.map((name) => [hashApiKey(name), record({ id: name, hash: hashApiKey(name) })]),
    );
    const { keys, clock } = keysOver(stored);
    for (const name of [...names, ...names, ...names]) {
      await keys.authenticate(name);
      await clock.advance(1);
    }
    const now = clock.now();
    const uses = keys.takeUses().toSorted((a, b) => a.at - b.at);
    expect(uses).toEqual(names.map((id, index) => ({ id, at: now - 3 + index })));
    expect(keys.takeUses()).toEqual([]);
  });
});
