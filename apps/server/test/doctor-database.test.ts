import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOCALHOST_CERTIFICATE } from '@ezthrottle/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePort, unprivilegedUser } from '../../../scripts/services/service-process.ts';
import { type PostgresService, startPostgres } from '../../../scripts/services/postgres.ts';
import { systemClock } from '../src/clock.ts';
import type { DatabasePlan } from '../src/doctor/database-look.ts';
import { type DatabaseExamination, examineDatabase } from '../src/doctor/examine-database.ts';
import type { Finding } from '../src/doctor/finding.ts';
import { Database } from '../src/store/postgres/database.ts';
import { migrate } from '../src/store/postgres/migrate.ts';
import { MIGRATIONS } from '../src/store/postgres/migrations.ts';

const KEY = 'a-key';
const PASSWORD = 'pass-that-nobody-sees';

let folder: string;
let postgres: PostgresService;
let admin: Client;
let schema: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-doctor-'));
  chmodSync(folder, 0o755);
  const rules = join(folder, 'pg_hba.conf');
  writeFileSync(
    rules,
    'host all guarded 127.0.0.1/32 scram-sha-256\nhost all shut 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n',
    { mode: 0o644 },
  );
  postgres = await startPostgres({
    settings: {
      fsync: 'on',
      full_page_writes: 'on',
      hba_file: rules,
      max_prepared_transactions: '2',
      wal_level: 'replica',
    },
  });
  admin = new Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query(`CREATE ROLE guarded LOGIN PASSWORD '${PASSWORD}'`);
  await admin.query('CREATE ROLE shut LOGIN');
  await admin.query('CREATE ROLE worker LOGIN');
  await admin.query('CREATE ROLE owner LOGIN');
  await admin.query('GRANT CREATE ON DATABASE postgres TO owner');
}, 180_000);

afterAll(async () => {
  await admin.end();
  await postgres[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  schema = `s_${randomBytes(6).toString('hex')}`;
});

function urlOf(user: string, { password = '', database = 'postgres' } = {}): string {
  const url = new URL(postgres.url);
  url.username = user;
  url.password = password;
  url.pathname = database;
  return url.href;
}

interface Changes extends Partial<Omit<DatabaseExamination, 'plan'>> {
  readonly plan?: Partial<DatabasePlan>;
}

async function examine(changes: Changes = {}): Promise<readonly Finding[]> {
  return await examineDatabase({
    clock: systemClock,
    migrations: MIGRATIONS,
    version: '1.0.0',
    ...changes,
    plan: {
      url: urlOf('owner'),
      listenUrl: null,
      schema,
      pool: 4,
      prepare: true,
      notify: true,
      migrate: true,
      keyIds: [KEY],
      ...changes.plan,
    },
  });
}

function of(findings: readonly Finding[], check: string): Finding {
  const found = findings.find((finding) => finding.check === check);
  if (found === undefined) throw new Error(`nothing was found out about ${check}`);
  return found;
}

function bad(findings: readonly Finding[]): readonly string[] {
  return findings.filter(({ status }) => status !== 'ok').map(({ check }) => check);
}

async function migrated(user = 'owner'): Promise<void> {
  const database = new Database({ url: urlOf(user), schema });
  await migrate(database, MIGRATIONS, systemClock);
  await database.close();
}

describe('of a database that is as it should be', () => {
  test('nothing is wrong, before the tables are made and after', async () => {
    expect(bad(await examine())).toEqual([]);
    await migrated();
    const findings = await examine();
    expect(bad(findings)).toEqual([]);
    expect(of(findings, 'server_version').message).toMatch(/^PostgreSQL \d/);
    expect(of(findings, 'listen').message).toContain('hears');
  });

  test('nothing is changed', async () => {
    await examine();
    const { rows } = await admin.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
    expect(rows).toEqual([]);
  });
});

describe('that cannot be reached, the reason is told, and no password:', () => {
  const asked = async (url: string): Promise<Finding> => {
    const [finding, ...others] = await examine({ plan: { url } });
    expect(others).toEqual([]);
    if (finding === undefined) throw new Error('nothing was found');
    expect(JSON.stringify(finding)).not.toContain(PASSWORD);
    expect(finding).toMatchObject({ check: 'connection', status: 'fail' });
    return finding;
  };

  test('nobody listens', async () => {
    const port = await freePort();
    const { message } = await asked(`postgres://worker:${PASSWORD}@127.0.0.1:${port}/postgres`);
    expect(message).toBe(`nothing listens on 127.0.0.1:${port}`);
  });

  test('the password is wrong', async () => {
    const { message } = await asked(urlOf('guarded', { password: `${PASSWORD}x` }));
    expect(message).toBe('the password of the user guarded is not accepted');
  });

  test('the user is not let in, or is not there', async () => {
    const shut = await asked(urlOf('shut', { password: PASSWORD }));
    expect(shut.message).toContain('the user shut is not let in: pg_hba.conf rejects');
    expect((await asked(urlOf('nobody'))).message).toContain('role "nobody" does not exist');
  });

  test('the database is not there, or not for this user', async () => {
    const { message, fix } = await asked(urlOf('worker', { database: 'elsewhere' }));
    expect(message).toContain('there is no database elsewhere on 127.0.0.1:');
    expect(fix).toContain('CREATE DATABASE "elsewhere"');
    await admin.query('CREATE DATABASE closed');
    await admin.query('REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
    const closed = await asked(urlOf('worker', { database: 'closed' }));
    expect(closed.fix).toBe('GRANT CONNECT ON DATABASE "closed" TO "worker"');
  });

  test('TLS is asked for, and not spoken', async () => {
    const { message } = await asked(`${urlOf('worker')}?sslmode=require`);
    expect(message).toMatch(/^127\.0\.0\.1:\d+ does not speak TLS$/);
  });

  test('the certificate is not that of an authority', async () => {
    const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
    const user = unprivilegedUser() ?? { uid: -1, gid: -1 };
    for (const [path, text] of [
      [cert, LOCALHOST_CERTIFICATE.cert],
      [key, LOCALHOST_CERTIFICATE.key],
    ] as const) {
      writeFileSync(path, text, { mode: 0o600 });
      chownSync(path, user.uid, user.gid);
    }
    await using secure = await startPostgres({
      settings: { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key },
    });
    const { message, fix } = await asked(`${secure.url}?sslmode=verify-full`);
    expect(message).toContain('is not accepted: self-signed certificate');
    expect(fix).toContain('sslrootcert=<file>');
    const trusted = `${secure.url}?sslmode=verify-full&sslrootcert=${cert}`;
    expect(of(await examine({ plan: { url: trusted } }), 'connection').status).toBe('ok');
  });

  test('no connection is left', async () => {
    await admin.query('CREATE ROLE full_up LOGIN CONNECTION LIMIT 0');
    expect((await asked(urlOf('full_up'))).message).toContain('takes no more connections');
  });

  test('the address is none', async () => {
    const { message } = await asked(`postgres://worker:${PASSWORD}@[nowhere/postgres`);
    expect(message).toBe('DATABASE_URL is no address that can be read');
  });
});

describe('of the server it tells', () => {
  test('that a power cut would lose what is accepted', async () => {
    const settings = { fsync: 'off', full_page_writes: 'off', autovacuum: 'off' };
    await using careless = await startPostgres({
      settings: { ...settings, synchronous_commit: 'off' },
    });
    const findings = await examine({ plan: { url: careless.url } });
    expect(of(findings, 'fsync').status).toBe('fail');
    expect(of(findings, 'full_page_writes').status).toBe('fail');
    expect(of(findings, 'synchronous_commit').status).toBe('warn');
    expect(of(findings, 'autovacuum')).toMatchObject({ status: 'warn' });
    expect(of(findings, 'role')).toMatchObject({ status: 'warn' });
  });

  test('that the encoding is not UTF8', async () => {
    await admin.query(
      "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    );
    const findings = await examine({ plan: { url: urlOf('postgres', { database: 'latin' }) } });
    expect(of(findings, 'encoding')).toMatchObject({ status: 'fail' });
  });

  test('that it takes no writes, cuts statements off, is slow to commit', async () => {
    await admin.query('CREATE ROLE hampered LOGIN');
    await admin.query('ALTER ROLE hampered SET default_transaction_read_only = on');
    await admin.query("ALTER ROLE hampered SET statement_timeout = '5s'");
    const readOnly = await examine({ plan: { url: urlOf('hampered') } });
    expect(of(readOnly, 'writable')).toMatchObject({ status: 'fail' });
    expect(of(readOnly, 'statement_timeout')).toMatchObject({ status: 'warn' });

    await admin.query('CREATE ROLE slow LOGIN SUPERUSER');
    await admin.query('ALTER ROLE slow SET commit_delay = 40000');
    await admin.query('ALTER ROLE slow SET commit_siblings = 0');
    const slow = await examine({ plan: { url: urlOf('slow') } });
    expect(of(slow, 'commit_time')).toMatchObject({ status: 'warn' });
  });

  test('how far its clock is from this machine', async () => {
    const at = (aheadMs: number) => ({
      now: () => systemClock.now() + aheadMs,
      monotonic: () => systemClock.monotonic(),
    });
    expect(of(await examine({ clock: at(1_000) }), 'clock_database')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('ahead of that of the database'),
    });
    expect(of(await examine({ clock: at(-5_000) }), 'clock_database')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('behind that of the database'),
    });
  });

  test('that there are too few connections for all nodes', async () => {
    await admin.query('CREATE ROLE cramped LOGIN CONNECTION LIMIT 10');
    const cramped = await examine({ plan: { url: urlOf('cramped'), schema: 'public' } });
    expect(of(cramped, 'connections')).toMatchObject({ status: 'fail' });
    expect(of(await examine({ plan: { pool: 1 } }), 'pool')).toMatchObject({ status: 'warn' });
    expect(of(await examine({ plan: { pool: 40 } }), 'pool')).toMatchObject({ status: 'warn' });
  });

  test('what keeps dead rows and the log', async () => {
    const holder = new Client({ connectionString: urlOf('postgres') });
    await holder.connect();
    try {
      await admin.query("SELECT pg_create_physical_replication_slot('left_behind', true)");
      await admin.query('BEGIN');
      await admin.query('CREATE TABLE waiting_for_the_end ()');
      await admin.query("PREPARE TRANSACTION 'forgotten'");
      await holder.query('BEGIN');
      await holder.query('SELECT txid_current()');
      const plan = { url: urlOf('postgres') };
      const findings = await examine({ plan, longTransactionMs: 0 });
      expect(of(findings, 'long_transactions').message).toContain('idle in transaction');
      expect(of(findings, 'prepared_transactions').message).toContain('forgotten');
      expect(of(findings, 'replication_slots').message).toContain('left_behind');
      // Of others, not everybody is told.
      const worker = await examine({ longTransactionMs: 0 });
      expect(of(worker, 'long_transactions').message).toContain('GRANT pg_monitor');
    } finally {
      await holder.end();
      await admin.query("ROLLBACK PREPARED 'forgotten'");
      await admin.query("SELECT pg_drop_replication_slot('left_behind')");
    }
  });

  test('that nobody hears what is said on another server', async () => {
    await using other = await startPostgres();
    const deaf = await examine({ plan: { listenUrl: other.url } });
    expect(of(deaf, 'listen')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('not heard on DATABASE_LISTEN_URL'),
    });
    const port = await freePort();
    const away = await examine({ plan: { listenUrl: `postgres://worker@127.0.0.1:${port}/x` } });
    expect(of(away, 'listen').message).toBe(`nothing listens on 127.0.0.1:${port}`);
    const silent = await examine({ plan: { notify: false } });
    expect(of(silent, 'listen')).toMatchObject({ status: 'ok' });
  });
});

describe('of the nodes it tells', () => {
  const join = async (node: string, version: string, leftMs: number): Promise<void> => {
    await admin.query(`INSERT INTO "${schema}".fences (node, epoch) VALUES ($1, 7)`, [node]);
    await admin.query(
      `INSERT INTO "${schema}".nodes (node, version, regions, joined_at, expires_at)
       VALUES ($1, $2, '[]', 0, extract(epoch FROM clock_timestamp()) * 1000 + $3)`,
      [node, version, leftMs],
    );
  };
  const [ONE, OTHER] = [
    '01890000-0000-7000-8000-000000000001',
    '01890000-0000-7000-8000-000000000002',
  ];

  test('that there are none yet, and those that live and own every slot', async () => {
    await migrated();
    expect(of(await examine(), 'nodes').message).toBe('0 nodes are live');
    await join(ONE, '1.0.0', 60_000);
    expect(of(await examine(), 'slots')).toMatchObject({
      status: 'warn',
      message: '1024 slots have no owner: what waits there waits on',
    });
    await admin.query(`UPDATE "${schema}".slots SET owner = $1, epoch = 7`, [ONE]);
    const findings = await examine();
    expect(bad(findings)).toEqual([]);
    expect(of(findings, 'nodes').message).toBe('one node is live');
    await admin.query(`UPDATE "${schema}".fences SET epoch = 8`);
    expect(of(await examine(), 'slots')).toMatchObject({ status: 'warn' });
  });

  test('how far their clocks are off, and which are not reached', async () => {
    await migrated();
    const node = createServer((_, response) => {
      response.setHeader('Date', new Date(systemClock.now() + 60_000).toUTCString());
      response.end();
    });
    await once(node.listen(0, '127.0.0.1'), 'listening');
    try {
      await join(ONE, '1.0.0', 60_000);
      const address = node.address();
      const port = address === null || typeof address === 'string' ? 0 : address.port;
      await admin.query(`UPDATE "${schema}".nodes SET url = $1`, [`http://127.0.0.1:${port}`]);
      expect(of(await examine(), 'clock_nodes')).toMatchObject({
        status: 'fail',
        message: expect.stringContaining(`behind that of the node ${ONE}`),
      });
    } finally {
      node.close();
    }
    expect(of(await examine(), 'clock_nodes')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('not reached from here'),
    });
  });

  test('which are dead and taken over by nobody, and which run another version', async () => {
    await migrated();
    await join(ONE, '1.0.0', -60_000);
    expect(of(await examine(), 'nodes_dead')).toMatchObject({ status: 'warn' });
    await join(OTHER, '0.9.0', 60_000);
    const findings = await examine();
    expect(of(findings, 'nodes_dead')).toMatchObject({ status: 'fail' });
    expect(of(findings, 'nodes_dead').message).toContain(ONE);
    expect(of(findings, 'nodes_version').message).toContain(`(1.0.0): ${OTHER} 0.9.0`);
  });
});

describe('of the schema it tells', () => {
  test('that the user may not create it', async () => {
    const finding = of(await examine({ plan: { url: urlOf('worker') } }), 'privileges_schema');
    expect(finding).toMatchObject({ status: 'fail' });
    expect(finding.fix).toContain(`CREATE SCHEMA "${schema}" AUTHORIZATION "worker"`);
  });

  test('which rights are missing, until the fixes that it names are made', async () => {
    await migrated();
    const plan = { url: urlOf('worker') };
    const shut = await examine({ plan });
    expect(bad(shut)).toEqual(['privileges_schema']);
    await admin.query(of(shut, 'privileges_schema').fix ?? '');
    const blind = await examine({ plan });
    expect(of(blind, 'privileges_tables').message).toContain('work');
    expect(of(blind, 'privileges_migrate').status).toBe('warn');
    expect(of(blind, 'privileges_owner').message).toContain('belong to owner');
    const [tables, sequences] = (of(blind, 'privileges_tables').fix ?? '').split('; ');
    await admin.query(tables ?? '');
    await admin.query(sequences ?? '');
    expect(bad(await examine({ plan: { ...plan, migrate: false } }))).toEqual([]);
  });

  test('that migrations are missing when `start` applies none', async () => {
    expect(of(await examine({ plan: { migrate: false } }), 'migrations')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('1 store'),
    });
    await migrated();
    const next = { version: 9_999, name: 'next', sql: '' };
    const behind = await examine({ migrations: [...MIGRATIONS, next] });
    expect(of(behind, 'migrations')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('will apply 9999 next'),
    });
  });

  test('that a newer server has been there', async () => {
    await migrated();
    const record = `INSERT INTO "${schema}".schema_migrations (version, name, applied_at, oldest_server)`;
    await admin.query(`${record} VALUES (9998, 'newer', 0, 1)`);
    expect(of(await examine(), 'migrations')).toMatchObject({ status: 'warn' });
    await admin.query(`${record} VALUES (9999, 'newest', 0, 9999)`);
    expect(of(await examine(), 'migrations')).toMatchObject({ status: 'fail' });
  });

  test('which tables are not cleared of dead rows', async () => {
    await migrated();
    await admin.query(`ALTER TABLE "${schema}".runs SET (autovacuum_enabled = false)`);
    await admin.query(`ALTER TABLE "${schema}".pace SET (autovacuum_enabled = false)`);
    await admin.query(
      `INSERT INTO "${schema}".pace SELECT n, 0, '' FROM generate_series(1, 60000) AS n`,
    );
    await admin.query(`DELETE FROM "${schema}".pace`);
    await admin.query('SELECT pg_stat_force_next_flush()');
    await admin.query('SELECT 1');
    const findings = await examine();
    expect(
      findings.filter(({ check }) => check === 'autovacuum_table').map(({ message }) => message),
    ).toEqual([
      `autovacuum is off for "${schema}"."pace"`,
      `autovacuum is off for "${schema}"."runs"`,
    ]);
    expect(of(findings, 'dead_rows').message).toContain(`"${schema}"."pace" has 60000 dead rows`);
  });

  test('that the master key opens not all that is stored', async () => {
    await migrated();
    await admin.query(
      `INSERT INTO "${schema}".organizations (public_id, name, created_at)
       VALUES (gen_random_uuid(), 'One', 0)`,
    );
    await admin.query(
      `INSERT INTO "${schema}".secrets SELECT id, 'TOKEN', 'lost-key', '', '', '[]', 0, 0
       FROM "${schema}".organizations`,
    );
    expect(of(await examine(), 'master_key')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('lost-key (it has a-key)'),
    });
    const both = await examine({ plan: { keyIds: [KEY, 'lost-key'] } });
    expect(of(both, 'master_key').message).toContain('re-encrypt');
    expect(of(await examine({ plan: { keyIds: null } }), 'master_key').status).toBe('warn');
  });
});
