import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { systemClock } from '../../src/clock.ts';
import type { DividedKeyRows } from '../../src/cluster/division/divided-keys.ts';
import { createClusterRows } from '../../src/store/postgres/cluster-rows.ts';
import { Database } from '../../src/store/postgres/database.ts';
import { createDividedKeyRows } from '../../src/store/postgres/divided-key-rows.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { MIGRATIONS } from '../../src/store/postgres/migrations.ts';
import { temporarySchema } from '../temporary-postgres-store.ts';

const [HOME, OTHER] = [1, 2].map((number) => `019a0000-0000-7000-8000-00000000000${number}`);
const KEY = 'destination 019a0000-0000-7000-8000-000000000009 https://a.test';
const SLOT = 3;
const DIVIDED = {
  key: KEY,
  slot: SLOT,
  parts: 2,
  version: 0,
  ratePerSecond: 5_000,
  concurrency: 64,
} as const;

let postgres: PostgresService;
let database: Database;
let atHome: DividedKeyRows;
let elsewhere: DividedKeyRows;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);
afterAll(() => postgres[Symbol.asyncDispose]());

beforeEach(async () => {
  const { url, schema } = await temporarySchema(postgres.url);
  database = new Database({ url, schema, prepare: true, connections: 2, applicationName: 'test' });
  await migrate(database, MIGRATIONS, systemClock);
  const cluster = createClusterRows(database);
  const join = async (node = '') => ({
    node,
    epoch: await cluster.join({ node, version: '1', regions: [], url: null }, 60_000),
  });
  const [home, other] = [await join(HOME), await join(OTHER)];
  await cluster.apply([{ type: 'take_slots', owner: home, slots: [{ slot: SLOT, version: 0 }] }]);
  atHome = createDividedKeyRows(database, home);
  elsewhere = createDividedKeyRows(database, other);
  return () => database.close();
});

describe('how a destination is divided', () => {
  test('is said by the owner of its slot, and read by all', async () => {
    expect(await elsewhere.divide(DIVIDED)).toBe(false);
    expect(await atHome.divide(DIVIDED)).toBe(true);
    expect(await elsewhere.read()).toEqual([{ ...DIVIDED, version: 1, pauseMs: 0 }]);
  });

  test('is changed only by who knows how it is', async () => {
    await atHome.divide(DIVIDED);
    expect(await atHome.divide({ ...DIVIDED, parts: 4 })).toBe(false);
    expect(await atHome.divide({ ...DIVIDED, parts: 4, version: 1 })).toBe(true);
    expect(await atHome.read()).toMatchObject([{ parts: 4, version: 2 }]);
  });

  test('is told to all nodes when it changes', async () => {
    const revision = async () =>
      (await createClusterRows(database).revisions()).get('divided_keys') ?? 0;
    await atHome.divide(DIVIDED);
    const before = await revision();
    await elsewhere.pause(KEY, SLOT, 1_000);
    expect(await revision()).toBeGreaterThan(before);
  });

  test('says how long everybody has to wait, by whichever node heard of it, and no sooner end', async () => {
    await elsewhere.pause(KEY, SLOT, 60_000);
    await atHome.pause(KEY, SLOT, 1_000);
    const [known] = await atHome.read();
    expect(known).toMatchObject({ parts: 1, ratePerSecond: 0 });
    expect(known?.pauseMs).toBeGreaterThan(50_000);
    expect(known?.pauseMs).toBeLessThanOrEqual(60_000);
  });

  test('is forgotten only when it is whole', async () => {
    await atHome.divide(DIVIDED);
    await atHome.forget({ ...DIVIDED, version: 1 });
    expect(await atHome.read()).toHaveLength(1);
    await atHome.divide({ ...DIVIDED, parts: 1, version: 1 });
    await elsewhere.forget({ ...DIVIDED, version: 2 });
    expect(await atHome.read()).toHaveLength(1);
    await atHome.forget({ ...DIVIDED, version: 2 });
    expect(await atHome.read()).toEqual([]);
  });

  test('is nobody’s to say who was taken for dead', async () => {
    await database.run('UPDATE {fences} SET epoch = epoch + 100', []);
    expect(await atHome.divide(DIVIDED)).toBe(false);
    await elsewhere.pause(KEY, SLOT, 60_000);
    expect(await atHome.read()).toEqual([]);
  });
});
