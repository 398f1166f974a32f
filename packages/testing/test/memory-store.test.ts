import { MemoryStore } from '@ezthrottle/testing';
import { storeSuite } from '@ezthrottle/testkit/store-suite';

storeSuite('in-memory', async () => {
  let store = new MemoryStore();
  return {
    store,
    async reopen() {
      await store.close();
      store = new MemoryStore(store);
      return store;
    },
    close: () => store.close(),
  };
});
