import { storeSuite } from '@ezthrottle/testkit/store-suite';
import { openTemporaryStore } from './temporary-store.ts';

storeSuite('SQLite', openTemporaryStore);
