import type { Operation, Store } from '@ezthrottle/engine';

/**
 * The store, which writes nothing while its node has no lease.
 *
 * @param onWritten Called with what is on disk.
 */
export function leasedStore(
  store: Store,
  leased: () => Promise<void>,
  onWritten: (batch: readonly Operation[]) => void,
): Store {
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
    commitsAtOnce: store.commitsAtOnce ?? 1,
    async commit(batch) {
      await leased();
      const verdicts = await store.commit(batch);
      onWritten(batch);
      return verdicts;
    },
    bytes: () => store.bytes(),
    close: () => store.close(),
  };
}
