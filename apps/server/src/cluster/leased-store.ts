import type { Store } from '@ezthrottle/engine';

/** The store, which writes nothing while its node has no lease. */
export function leasedStore(store: Store, leased: () => Promise<void>): Store {
  const { jobs, work, deliveries, tenancy, limits, privacy, audit, deadLetters, redrives } = store;
  return {
    jobs,
    work,
    deliveries,
    tenancy,
    limits,
    privacy,
    audit,
    deadLetters,
    redrives,
    async commit(batch) {
      await leased();
      return await store.commit(batch);
    },
    bytes: () => store.bytes(),
    close: () => store.close(),
  };
}
