import type { ApiKeyRecord } from '@ezthrottle/engine';
import { FakeClock } from '@ezthrottle/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { createKeyEnds, type KeyEnds } from './key-ends.ts';

let clock: FakeClock;
let ends: KeyEnds;
let told: string[];
/** What another node has written. */
let stored: ApiKeyRecord | null;

beforeEach(() => {
  clock = new FakeClock();
  stored = null;
  ends = createKeyEnds(clock, { apiKey: () => Promise.resolve(stored) });
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
  const caller = { organization: 'org', apiKey: 'key', keyHash, expiresAt };
  return ends.onEnd(caller, (why) => told.push(`${name} ${why}`));
}

describe('what goes on under a key ends', () => {
  test('when another node has revoked the key, and not when it has changed nothing of it', async () => {
    listen('new');
    stored = record();
    await ends.changedElsewhere();
    expect(told).toEqual([]);
    stored = record({ revokedAt: clock.now() });
    await ends.changedElsewhere();
    expect(told).toEqual(['new revoked']);
  });

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
