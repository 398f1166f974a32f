import { storeSuite } from '@ezthrottle/testkit/store-suite';
import { ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type PgbouncerService, startPgbouncer } from '../../../../scripts/services/pgbouncer.ts';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { systemClock } from '../../src/clock.ts';
import { examineDatabase } from '../../src/doctor/examine-database.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { MIGRATIONS } from '../../src/store/postgres/migrations.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import {
  type TemporaryPostgresStores,
  temporaryPostgresStores,
} from '../temporary-postgres-store.ts';

// Each statement passes through a further process.
vi.setConfig({ testTimeout: 120_000 });

let postgres: PostgresService;
let stores: TemporaryPostgresStores;
/** Carries no named statements. */
let plain: PgbouncerService;
/** Carries them, when its version can. */
let carrying: PgbouncerService;

beforeAll(async () => {
  postgres = await startPostgres();
  const databaseUrl = postgres.url;
  plain = await startPgbouncer({ databaseUrl });
  carrying = await startPgbouncer({ databaseUrl, preparedStatements: 100 });
  // Schemas are made beside it: that needs a session.
  stores = temporaryPostgresStores(databaseUrl);
}, 180_000);

afterAll(async () => {
  await stores[Symbol.asyncDispose]();
  await Promise.all([plain[Symbol.asyncDispose](), carrying[Symbol.asyncDispose]()]);
  await postgres[Symbol.asyncDispose]();
});

storeSuite('PostgreSQL (through PgBouncer, without named statements)', () =>
  stores.open({ url: plain.url, prepare: false }),
);

// Where its version carries none, the store goes on without.
storeSuite('PostgreSQL (through PgBouncer that carries named statements)', () =>
  stores.open({ url: carrying.url, prepare: true }),
);

describe('through PgBouncer', () => {
  test('several stores that were told to name their statements go on without where that fails', async () => {
    const place = await stores.open();
    const schema = 'through_pgbouncer';
    const all = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(() =>
        openPostgresStore({ url: plain.url, schema, prepare: true, connections: 2 }),
      ),
    );
    try {
      for (let round = 0; round < 5; round += 1) {
        const verdicts = await Promise.all(
          all.map((store) =>
            store.commit([{ type: 'put_organization', organization: ORGANIZATION }]),
          ),
        );
        expect(new Set(verdicts.flat().map(({ verdict }) => verdict))).toEqual(new Set(['ok']));
        await Promise.all(all.map((store) => store.jobs.counts()));
      }
    } finally {
      await Promise.all(all.map((store) => store.close()));
      await place.close();
    }
  }, 60_000);

  async function found(url: string, prepare: boolean): Promise<(check: string) => Finding> {
    const findings = await examineDatabase({
      plan: {
        url,
        listenUrl: null,
        schema: 'nobodys',
        pool: 4,
        prepare,
        notify: true,
        migrate: true,
        keyIds: [],
      },
      clock: systemClock,
      migrations: MIGRATIONS,
      version: '1.0.0',
    });
    return (check) => {
      const finding = findings.find((one) => one.check === check);
      if (finding === undefined) throw new Error(`nothing was found out about ${check}`);
      return finding;
    };
  }

  test('the doctor tells it from the server, and whether it carries named statements', async () => {
    const direct = await found(postgres.url, true);
    expect(direct('pooler').message).toBe('connections lead straight to the server');
    const without = await found(plain.url, true);
    expect(without('pooler')).toMatchObject({
      status: 'ok',
      message: 'a pooler shares sessions between transactions',
    });
    expect(without('prepared_statements')).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('--no-database-prepare'),
    });
    expect((await found(plain.url, false))('prepared_statements').status).toBe('ok');
    const named = await found(carrying.url, true);
    expect(named('prepared_statements').status).toBe(carrying.carriesNames ? 'ok' : 'fail');
  });

  test.each([
    {
      poolSize: 1,
      status: 'fail',
      message: 'carries 1 transaction at once: a node does not start',
    },
    { poolSize: 3, status: 'warn', message: 'carries 3 transactions at once' },
    { poolSize: 4, status: 'ok', message: 'carries 4 transactions at once' },
  ])('the doctor tells whether there is room for a node ($poolSize sessions)', async (one) => {
    const { poolSize, status, message } = one;
    await using pooler = await startPgbouncer({ databaseUrl: postgres.url, poolSize });
    const finding = (await found(pooler.url, false))('pooler_room');
    expect(finding).toMatchObject({ status, message: expect.stringContaining(message) });
  });

  test('the doctor tells that nobody can listen', async () => {
    const finding = (await found(plain.url, false))('listen');
    expect(finding.status).toBe('warn');
    expect(finding.fix).toContain('set DATABASE_LISTEN_URL to the primary itself');
  });

  test('the doctor tells of modes that save nothing, or have no transactions', async () => {
    const databaseUrl = postgres.url;
    await using session = await startPgbouncer({ databaseUrl, poolMode: 'session' });
    expect((await found(session.url, true))('pooler').status).toBe('warn');
    await using statement = await startPgbouncer({ databaseUrl, poolMode: 'statement' });
    expect((await found(statement.url, false))('pooler')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('no transactions'),
    });
  });
});
