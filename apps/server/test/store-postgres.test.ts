import { storeSuite } from '@ezthrottle/testkit/store-suite';
import { afterAll, beforeAll } from 'vitest';
import { type PostgresService, startPostgres } from '../../../scripts/services/postgres.ts';
import { openTemporaryPostgresStore } from './temporary-postgres-store.ts';

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

storeSuite('PostgreSQL', () => openTemporaryPostgresStore(postgres.url));
