import type { ApiKeyRecord } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { createKeyEnds, type KeyEnds } from './key-ends.ts';

let clock: FakeClock;
let ends: KeyEnds;
let told: string[];

beforeEach(() => {
  clock = new FakeClock();
  ends = createKeyEnds(clock);
  told = [];
});

function record(more: Partial<ApiKeyRecord> = {}): ApiKeyRecord {
  return {
    id: 'key',
    organization: 'org',
    name: 'a key',
    hash: 'new',
    dialect: 'ezthrottle',
    createdAt: 0,
    expiresAt: null,
    scopes: ['read'],
    hint: null,
    previous: null,
    lastUsedAt: null,
    revokedAt: null,
    ...more,
  };
}

function listen(keyHash = 'old', expiresAt: number | null = null, name = keyHash): () => void {
  return ends.onEnd({ apiKey: 'key', keyHash, expiresAt }, (why) => told.push(`${name} ${why}`));
}

describe('what goes on under a key ends', () => {
  test('at the moment at which the key expires', async () => {
    listen('old', clock.now() + 1_000);
    await clock.advance(999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['old expired']);
  });

  test('when it is revoked, once, also for a request that was let in just before', () => {
    listen();
    ends.changed(record({ revokedAt: clock.now() }));
    ends.changed(record({ revokedAt: clock.now() }));
    expect(told).toEqual(['old revoked']);
    listen('late');
    expect(told).toEqual(['old revoked', 'late revoked']);
  });

  test('when the overlap of its rotation is over, and at once without one', async () => {
    listen();
    listen('new');
    const overlapEnd = clock.now() + 5_000;
    ends.changed(record({ previous: { hash: 'old', expiresAt: overlapEnd } }));
    listen('old', overlapEnd, 'late');
    await clock.advance(4_999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told.toSorted()).toEqual(['late rotated', 'old rotated']);
    ends.changed(record({ hash: 'newer' }));
    expect(told.at(-1)).toBe('new rotated');
  });

  test('no later than the key itself would have, whatever the overlap', async () => {
    listen('old', clock.now() + 1_000);
    ends.changed(record({ previous: { hash: 'old', expiresAt: clock.now() + 5_000 } }));
    await clock.advance(1_000);
    expect(told).toHaveLength(1);
  });

  test('not at all when it has gone before', async () => {
    const forget = listen('old', clock.now() + 1_000);
    forget();
    ends.changed(record({ revokedAt: clock.now() }));
    await clock.advance(2_000);
    expect(told).toEqual([]);
  });
});

test('a change is forgotten when no request can be left that came before it', async () => {
  ends.changed(record({ revokedAt: clock.now() }));
  await clock.advance(120_000);
  listen();
  expect(told).toEqual([]);
});
