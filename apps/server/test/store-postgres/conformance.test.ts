import type { Store } from '@ezthrottle/engine';
import { type StoreUnderTest, storeSuite } from '@ezthrottle/testkit/store-suite';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, vi } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import {
  type TemporaryPostgresStores,
  temporaryPostgresStores,
} from '../temporary-postgres-store.ts';

// Histories of the model are thousands of transactions.
vi.setConfig({ testTimeout: 120_000 });

let postgres: PostgresService;
let stores: TemporaryPostgresStores;

beforeAll(async () => {
  postgres = await startPostgres();
  stores = temporaryPostgresStores(postgres.url);
}, 180_000);

afterAll(async () => {
  await stores[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

// Fewer connections, and there is one lane.
storeSuite('PostgreSQL', () => stores.open());

storeSuite(
  'PostgreSQL (two lanes without prepared statements, each commit late by chance)',
  async () => late(await stores.open({ prepare: false, connections: 4 })),
);

const LONGEST_DELAY_MS = 8;

function late(subject: StoreUnderTest): StoreUnderTest {
  return {
    store: lateStore(subject.store),
    reopen: async () => lateStore(await subject.reopen()),
    close: () => subject.close(),
  };
}

/** Its commits begin late, each after another while, in the order of the calls; reads overtake them. */
function lateStore(store: Store): Store {
  let before: Promise<void> = Promise.resolve();
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'commit') {
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      }
      return async (batch: Parameters<Store['commit']>[0]) => {
        const turn = before.then(() => pause(Math.random() * LONGEST_DELAY_MS));
        before = turn;
        await turn;
        return target.commit(batch);
      };
    },
  });
}
