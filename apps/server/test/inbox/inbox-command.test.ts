import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { systemClock } from '../../src/clock.ts';
import { examineDatabase } from '../../src/doctor/examine-database.ts';
import { MIGRATIONS } from '../../src/store/postgres/migrations.ts';
import { until } from '../running-server.ts';
import { type InboxServer, openInboxServer } from './inbox-server.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function inbox({ place }: InboxServer, ...args: readonly string[]): Promise<Ended> {
  const environment = {
    PATH: process.env['PATH'],
    DATABASE_URL: place.url,
    EZTHROTTLE_DATABASE_SCHEMA: place.schema,
  };
  const argv = ['--conditions=@ezthrottle/source', MAIN, 'inbox', ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { env: environment }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

/** A job that names a secret which is not set, refused. */
async function refusedJob(world: InboxServer): Promise<string> {
  const client = await world.connect();
  const [id = ''] = await world.submit(client, {
    url: world.target.url('/secret'),
    headers: { authorization: 'Bearer {{secret.TOKEN}}' },
  });
  await until(
    () => world.place.query('SELECT FROM inbox_refused'),
    (rows) => rows.length === 1,
  );
  return id;
}

describe('ezthrottle inbox', () => {
  test('tells what was refused and why, and gives it another try', async () => {
    await using world = await openInboxServer(postgres.url);
    const id = await refusedJob(world);
    const told = await inbox(world);
    expect(told).toMatchObject({ code: 0, err: '' });
    expect(told.out).toMatch(/^waiting: 0\nrefused: 1\n/);
    expect(told.out).toContain(`${id}  `);
    expect(told.out).toContain('secrets_unusable');

    const { status } = await world.server.call('PUT', '/api/v1/secrets/TOKEN', {
      value: 'a secret',
      origins: [world.target.origin],
    });
    expect(status).toBeLessThan(300);
    const again = await inbox(world, '--retry', id, '--json');

    expect(JSON.parse(again.out)).toMatchObject({ retried: 1, refused: [] });
    await world.target.waitFor(1);
    const [called] = world.target.requests;
    expect(called).toMatchObject({
      path: '/secret',
      headers: { authorization: 'Bearer a secret' },
    });
    expect((await world.server.call('GET', `/api/v1/jobs/${id}`)).status).toBe(200);
  });

  test('gives all another try, and refuses what is no refused job', async () => {
    await using world = await openInboxServer(postgres.url);
    const id = await refusedJob(world);
    const unknown = await inbox(world, '--retry', '01a1fcec-e4d3-7293-8ab0-8588f70a78a6');
    expect(unknown).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('no refused job'),
    });
    expect(await inbox(world, '--retry', 'this one')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--retry names no job'),
    });

    const all = await inbox(world, '--retry', 'all');
    expect(all.out).toContain('given another try: 1');
    const [listed] = JSON.parse((await untilRefused(world)).out).refused;
    expect(listed).toMatchObject({ job_id: id, code: 'secrets_unusable' });
  });
});

function untilRefused(world: InboxServer): Promise<Ended> {
  return until(
    () => inbox(world, '--json'),
    ({ out }) => JSON.parse(out).refused_count === 1,
  );
}

test('the doctor tells of jobs that nobody takes over, and of those that were refused', async () => {
  await using world = await openInboxServer(postgres.url, { 'database-inbox': '0' });
  const findings = async () => {
    const { url, schema } = world.place;
    const all = await examineDatabase({
      plan: {
        url,
        listenUrl: null,
        schema,
        pool: 4,
        prepare: true,
        notify: false,
        migrate: true,
        keyIds: null,
      },
      clock: systemClock,
      migrations: MIGRATIONS,
      version: 'tested',
    });
    return all.filter(({ check }) => check.startsWith('inbox'));
  };
  expect(await findings()).toMatchObject([{ check: 'inbox', status: 'ok' }]);
  const client = await world.connect();
  await world.submit(client, { url: world.target.url('/') });
  await world.place.query('UPDATE inbox SET created_at = created_at - 120000');
  await world.place.query(
    `INSERT INTO inbox_refusals (id, organization, api_key, code, message, problems, job,
       created_at, refused_at)
     VALUES (gen_random_uuid(), 1, 1, 'validation_failed', 'wrong', '[]', '{}', 0, 0)`,
  );

  expect(await findings()).toMatchObject([
    { check: 'inbox', status: 'warn', message: expect.stringMatching(/^1 jobs .* for 12\d s$/) },
    { check: 'inbox_refused', status: 'warn' },
  ]);
});
