import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ORGANIZATION } from '@ezthrottle/testkit/store-data';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PostgresService, startPostgres } from '../../../scripts/services/postgres.ts';
import { systemClock } from '../src/clock.ts';
import { MIGRATIONS } from '../src/store/postgres/migrations.ts';
import { openPostgresStore } from '../src/store/postgres/postgres-store.ts';
import { createSecretBox } from '../src/tenancy/secret-box.ts';
import { createSigningSecrets } from '../src/tenancy/signing-secrets.ts';
import { objectOf } from './running-server.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const PASSWORD = 'pass-that-nobody-sees';
const KEYS = {
  EZTHROTTLE_API_KEY: 'a-key-for-the-first-one',
  EZTHROTTLE_MASTER_KEY: randomBytes(32).toString('base64'),
};
const NAMES = MIGRATIONS.map(({ version, name }) => `${version} ${name}`).join(', ');

let folder: string;
let postgres: PostgresService;
let admin: Client;
let schema: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-migrate-'));
  postgres = await startPostgres({ settings: { fsync: 'on', full_page_writes: 'on' } });
  admin = new Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query(`CREATE ROLE owner LOGIN PASSWORD '${PASSWORD}'`);
  await admin.query(`CREATE ROLE worker LOGIN PASSWORD '${PASSWORD}'`);
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

function environmentOf(user: string): Record<string, string> {
  const url = new URL(postgres.url);
  url.username = user;
  url.password = PASSWORD;
  return { DATABASE_URL: url.href, EZTHROTTLE_DATABASE_SCHEMA: schema };
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(argv: readonly string[], environment: Record<string, string>): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--conditions=@ezthrottle/source', MAIN, ...argv],
      { cwd: folder, env: { PATH: process.env['PATH'] ?? '', ...environment } },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

async function tables(): Promise<number> {
  const { rows } = await admin.query('SELECT 1 FROM pg_tables WHERE schemaname = $1', [schema]);
  return rows.length;
}

describe('migrate', () => {
  test('says what it would do, does it, and then has nothing to do', async () => {
    const environment = environmentOf('owner');
    const dry = await run(['migrate', '--dry-run'], environment);
    expect(dry).toEqual({ code: 0, out: `schema "${schema}": would apply ${NAMES}\n`, err: '' });
    expect(await tables()).toBe(0);
    const done = await run(['migrate'], environment);
    expect(done).toEqual({ code: 0, out: `schema "${schema}": applied ${NAMES}\n`, err: '' });
    expect(await tables()).toBeGreaterThan(10);
    const again = await run(['migrate', '--json'], environment);
    expect(JSON.parse(again.out)).toEqual({ schema, missing: [], applied: [] });
  });

  test('says which right it lacks', async () => {
    const { code, out, err } = await run(['migrate'], environmentOf('worker'));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      `ezthrottle: permission denied for database postgres; run it as a role that may create tables in the schema "${schema}" and owns those that are there\n`,
    );
  });

  test('needs a database that is there, and shows no password of one that is not', async () => {
    const none = await run(['migrate', '--data-dir', 'somewhere'], {});
    expect(none.code).toBe(2);
    expect(none.err).toContain('--database-url is missing');
    const url = `postgres://worker:${PASSWORD}@127.0.0.1:1/postgres`;
    const away = await run(['migrate'], { DATABASE_URL: url });
    expect(away.code).toBe(1);
    expect(away.err).toContain('nothing listens on 127.0.0.1:1; ');
    expect(away.err).not.toContain(PASSWORD);
  });

  test('is the only one that can be asked for what it would do', async () => {
    const { code, err } = await run(['start', '--dry-run'], {});
    expect(code).toBe(2);
    expect(err).toContain('--dry-run is not a flag of start');
  });
});

describe('a server that may not create tables', () => {
  const start = ['start', '--no-migrate', '--port', '0', '--host', '127.0.0.1', '--json'];

  test('refuses to start while migrations are missing, and says what to do', async () => {
    const { code, err } = await run(start, { ...environmentOf('owner'), ...KEYS });
    expect(code).toBe(1);
    expect(err).toContain(`migrations of the schema "${schema}" are missing (${NAMES})`);
    expect(err).toContain('run `ezthrottle migrate` as a role that may create tables');
    expect(await tables()).toBe(0);
  });

  test('runs with the rights that the doctor asks for, and no others', async () => {
    await run(['migrate'], environmentOf('owner'));
    const environment = { ...environmentOf('worker'), ...KEYS, EZTHROTTLE_MIGRATE: 'false' };
    // What is behind a door is seen when it is open.
    for (const isLast of [false, false, true]) {
      const { out, code } = await run(['doctor', '--json'], environment);
      const wrong = fixes(out);
      expect(code).toBe(isLast ? 0 : 1);
      for (const fix of wrong) {
        for (const statement of fix.split('; ').filter((part) => part.startsWith('GRANT'))) {
          await admin.query(statement);
        }
      }
    }
    const child = spawn(process.execPath, ['--conditions=@ezthrottle/source', MAIN, ...start], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    try {
      const [line] = await once(createInterface(child.stdout), 'line');
      const url = String(objectOf(JSON.parse(String(line)))['url']);
      const ready = await fetch(`${url}/ready`);
      expect(ready.status).toBe(200);
      await ready.text();
      const submitted = await fetch(`${url}/api/v1/jobs`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${KEYS.EZTHROTTLE_API_KEY}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ url: 'http://127.0.0.1:9/' }),
      });
      expect(submitted.status).toBeLessThan(300);
      await submitted.text();
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });
});

/** What the doctor says is to be done about what fails. */
function fixes(out: string): readonly string[] {
  const { findings } = objectOf(JSON.parse(out));
  if (!Array.isArray(findings)) throw new Error('the doctor found nothing');
  return findings
    .map(objectOf)
    .filter(({ status }) => status === 'fail')
    .map(({ fix }) => String(fix));
}

describe('re-encrypt', () => {
  test('brings what nodes share under a new master key', async () => {
    const environment: Record<string, string> = { ...environmentOf('owner'), ...KEYS };
    await run(['migrate'], environment);
    const box = createSecretBox(KEYS.EZTHROTTLE_MASTER_KEY);
    const store = await openPostgresStore({ url: environment['DATABASE_URL'] ?? '', schema });
    await store.commit([{ type: 'put_organization', organization: ORGANIZATION }]);
    const secrets = createSigningSecrets({
      reads: store.tenancy,
      commit: async (operation) => (await store.commit([operation]))[0] ?? { verdict: 'gone' },
      box,
      clock: systemClock,
    });
    await secrets.put(ORGANIZATION.id, { primary: 'a-signing-secret', secondary: null });
    await store.close();
    const rotated = {
      ...environment,
      EZTHROTTLE_MASTER_KEY: randomBytes(32).toString('base64'),
      EZTHROTTLE_FORMER_MASTER_KEYS: KEYS.EZTHROTTLE_MASTER_KEY,
    };
    const done = await run(['re-encrypt', '--json'], rotated);
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(done.out)).toMatchObject({ resealed: 1, notNeeded: [box.keyId] });
    const late = await run(['doctor'], environment);
    expect(late.out).toContain('FAIL  master_key: secrets are sealed under master keys');
  });
});

describe('doctor', () => {
  test('ends with code 0 where nothing is wrong, with what is fine in words', async () => {
    const { code, out, err } = await run(['doctor'], { ...environmentOf('owner'), ...KEYS });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('ok    server_version: PostgreSQL');
    expect(out).toMatch(/\n\d+ ok, 0 to be changed, 0 wrong\n$/);
    expect(out).not.toContain(PASSWORD);
  });

  test('ends with code 1 and tells everything that is wrong with the settings', async () => {
    const { code, out } = await run(['doctor', '--port', '70000', '--database-pool', 'x'], {
      ...environmentOf('owner'),
      EZTHROTTLE_PROT: '1',
    });
    expect(code).toBe(1);
    expect(out).toContain('FAIL  config: --port has a wrong value (70000)');
    expect(out).toContain('FAIL  config: --database-pool has a wrong value (x)');
    expect(out).toContain('warn  config: EZTHROTTLE_PROT is no setting');
    expect(out).toContain('warn  config: --master-key is missing here, and `start` needs it');
    expect(out).toContain('ok    connection: the database can be reached');
  });

  test('looks at a data folder where there is no database, and reports a file that is no JSON', async () => {
    writeFileSync(join(folder, 'broken.json'), '{');
    const { code, out } = await run(
      ['doctor', '--data-dir', '.', '--config', 'broken.json', '--json'],
      KEYS,
    );
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      findings: expect.arrayContaining([
        expect.objectContaining({ check: 'config', status: 'fail' }),
        expect.objectContaining({ check: 'disk_space' }),
      ]),
    });
  });
});
