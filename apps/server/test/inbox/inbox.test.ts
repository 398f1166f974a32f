import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from 'pg';
import { startPgbouncer } from '../../../../scripts/services/pgbouncer.ts';
import { type PostgresService, startPostgres } from '../../../../scripts/services/postgres.ts';
import { hashApiKey } from '../../src/tenancy/api-keys.ts';
import { until } from '../running-server.ts';
import { type InboxServer, openInboxServer } from './inbox-server.ts';

let postgres: PostgresService;

beforeAll(async () => {
  postgres = await startPostgres();
}, 180_000);

afterAll(() => postgres[Symbol.asyncDispose]());

const open = (
  ...rest: Parameters<typeof openInboxServer> extends [string, ...infer Rest] ? Rest : never
) => openInboxServer(postgres.url, ...rest);

/** The job once it has ended. */
function ended({ server }: InboxServer, id: string | undefined) {
  return until(
    () => server.call('GET', `/api/v1/jobs/${id}`),
    ({ status, json }) => status === 200 && typeof json['ended_at'] === 'number',
  );
}

async function inboxIsEmpty({ place }: InboxServer): Promise<void> {
  await until(
    () => place.query('SELECT FROM inbox'),
    (rows) => rows.length === 0,
  );
}

const paths = ({ target }: InboxServer): readonly string[] =>
  target.requests.map(({ path }) => path).sort();

describe('a job that is submitted within a transaction', () => {
  test('exists when the transaction is committed, under the id that was given before', async () => {
    await using world = await open();
    const client = await world.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO orders VALUES (1)');
    const [id] = await world.submit(client, { url: world.target.url('/one'), method: 'POST' });
    expect((await world.server.call('GET', `/api/v1/jobs/${id}`)).status).toBe(404);
    await client.query('COMMIT');

    const { json } = await ended(world, id);

    expect(json).toMatchObject({ job_id: id, state: 'completed', idempotent_key: id });
    await inboxIsEmpty(world);
    expect(paths(world)).toEqual(['/one']);
  });

  test('never exists when the transaction is rolled back, or its connection is cut', async () => {
    await using world = await open();
    const [first, second] = [await world.connect(), await world.connect()];
    await first.query('BEGIN');
    const [back] = await world.submit(first, { url: world.target.url('/back') });
    await first.query('ROLLBACK');
    await second.query('BEGIN');
    const [cut] = await world.submit(second, { url: world.target.url('/cut') });
    const { rows } = await second.query('SELECT pg_backend_pid() AS pid');
    await first.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);

    // What comes later is taken over later.
    await first.query('BEGIN');
    const [kept] = await world.submit(first, { url: world.target.url('/kept') });
    await first.query('COMMIT');
    await ended(world, kept);

    for (const id of [back, cut]) {
      expect((await world.server.call('GET', `/api/v1/jobs/${id}`)).status).toBe(404);
    }
    expect(paths(world)).toEqual(['/kept']);
  });

  test('goes with the savepoint that it was submitted behind', async () => {
    await using world = await open();
    const client = await world.connect();
    await client.query('BEGIN');
    const [before] = await world.submit(client, { url: world.target.url('/before') });
    await client.query('SAVEPOINT middle');
    await world.submit(client, { url: world.target.url('/within') });
    await client.query('ROLLBACK TO SAVEPOINT middle');
    const [after] = await world.submit(client, { url: world.target.url('/after') });
    await client.query('COMMIT');

    await Promise.all([ended(world, before), ended(world, after)]);

    expect(paths(world)).toEqual(['/after', '/before']);
  });

  test('is one of its own, however much it looks like another', async () => {
    await using world = await open();
    const client = await world.connect();
    const job = { url: world.target.url('/alike'), method: 'POST', body: 'the same' };
    const ids = await world.submit(client, job, job);

    await Promise.all(ids.map((id) => ended(world, id)));

    expect(new Set(ids).size).toBe(2);
    expect(paths(world)).toEqual(['/alike', '/alike']);
  });

  test('is known as a duplicate when another has its key, and makes no second call', async () => {
    await using world = await open();
    const client = await world.connect();
    const job = { url: world.target.url('/once'), idempotent_key: 'order 1' };
    const [first] = await world.submit(client, job);
    await ended(world, first);
    const [second] = await world.submit(client, job);
    await inboxIsEmpty(world);

    expect(await world.place.query('SELECT job_id, duplicate_of FROM inbox_duplicates')).toEqual([
      { job_id: second, duplicate_of: first },
    ]);
    expect(await world.place.query('SELECT FROM inbox_refused')).toEqual([]);
    expect(paths(world)).toEqual(['/once']);
  });

  test('is not lost when it is refused: it stays to be read, with everything that is wrong', async () => {
    await using world = await open();
    const client = await world.connect();
    const wrong = { url: 'ftp://nowhere', priority: 'very', secret: '\u0000' };
    const [refused, , taken] = await world.submit(
      client,
      wrong,
      { url: world.target.url('/'), limits: [{ key: 'unknown', cost: -1 }] },
      { url: world.target.url('/fine') },
    );
    await ended(world, taken);
    await inboxIsEmpty(world);

    const [row, other] = await world.place.query(
      'SELECT * FROM inbox_refused ORDER BY job_id = $1 DESC',
      [refused],
    );
    expect(row).toMatchObject({
      job_id: refused,
      code: 'validation_failed',
      problems: expect.arrayContaining([
        expect.objectContaining({ path: 'url' }),
        expect.objectContaining({ path: 'priority' }),
      ]),
      submitted_at: expect.any(Date),
      refused_at: expect.any(Date),
    });
    expect(JSON.parse(String(row?.['job']))).toEqual(wrong);
    expect(other).toMatchObject({ code: 'validation_failed' });
    expect(paths(world)).toEqual(['/fine']);
  });

  test('leaves nothing of a user who is deleted, neither refused nor waiting', async () => {
    await using world = await open({ 'database-inbox': '0' });
    const client = await world.connect();
    await world.submit(
      client,
      { url: world.target.url('/gone'), user_id: 'ann', userId: 'bob', body: '\u0000' },
      { url: world.target.url('/gone'), userId: 'ann' },
      { url: world.target.url('/kept'), user_id: 'bob' },
      { url: world.target.url('/kept') },
    );
    await world.place.query(
      `INSERT INTO inbox_refusals (id, organization, api_key, code, message, problems, job,
         created_at, refused_at)
       SELECT id, organization, api_key, 'validation_failed', 'wrong', '[]', job, created_at, 0
       FROM inbox`,
    );
    const { status } = await world.server.call('DELETE', '/api/v1/accounts/ann/data');
    expect(status).toBe(202);
    await until(
      () => world.server.call('GET', '/api/v1/accounts/ann/data'),
      ({ json }) => typeof json['finished_at'] === 'number',
    );

    for (const table of ['inbox', 'inbox_refusals']) {
      const rows = await world.place.query(`SELECT job FROM ${table}`);
      expect(rows.map(({ job }) => JSON.parse(String(job)).url)).toEqual([
        world.target.url('/kept'),
        world.target.url('/kept'),
      ]);
    }
  });

  test('marks its API key as used', async () => {
    await using world = await open();
    const client = await world.connect();
    const [id] = await world.submit(client, { url: world.target.url('/') });
    await ended(world, id);
    await world.server.restart();

    const [key] = await world.place.query('SELECT last_used_at FROM api_keys');
    expect(Number(key?.['last_used_at'])).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe('who may submit within a transaction', () => {
  const HASH = 'a'.repeat(64);
  const submitAs = (hash: string, jobs: string) => ({
    text: 'SELECT job_id FROM submit_v1($1, $2)',
    values: [hash, jobs],
  });

  test('is whoever names a key that is in force and has the scope', async () => {
    await using world = await open();
    const client = await world.connect();
    await world.place.query(
      `INSERT INTO api_keys (public_id, organization, name, hash, dialect, created_at, scopes,
         expires_at, revoked_at, previous_hash, previous_expires_at)
       SELECT gen_random_uuid(), 1, convert_to(hash, 'UTF8'), hash, 'ezthrottle', 0, scopes, expires_at, revoked_at,
         previous_hash, previous_expires_at
       FROM (VALUES
         (repeat('1', 64), 2, NULL::bigint, NULL::bigint, NULL, NULL::bigint),
         (repeat('2', 64), 7, 1, NULL, NULL, NULL),
         (repeat('3', 64), 7, NULL, 1, NULL, NULL),
         (repeat('4', 64), 1, NULL, NULL, repeat('5', 64), 1),
         (repeat('6', 64), 1, 9000000000000, NULL, repeat('7', 64), 9000000000000)
       ) AS keys (hash, scopes, expires_at, revoked_at, previous_hash, previous_expires_at)`,
    );
    const answers: Record<string, unknown> = {};
    for (const digit of ['1', '2', '3', '4', '5', '6', '7', 'a']) {
      answers[digit] = await client
        .query(submitAs(digit.repeat(64), '[{"url":"http://x.test"}]'))
        .then(
          ({ rows }) => rows.length,
          (error: unknown) => Object(error).code,
        );
    }

    expect(answers).toEqual({
      1: 'ZT001',
      2: 'ZT001',
      3: 'ZT001',
      4: 1,
      5: 'ZT001',
      6: 1,
      7: 1,
      a: 'ZT001',
    });
  });

  test('may be a role without any right on the tables, which it cannot deceive with its own', async () => {
    await using world = await open();
    const client = await world.connect();
    const role = `app_${world.place.schema}`;
    await client.query(`CREATE ROLE ${role}`);
    try {
      await client.query(`GRANT USAGE ON SCHEMA "${world.place.schema}" TO ${role}`);
      await client.query(`SET ROLE ${role}`);
      await expect(world.submit(client, { url: world.target.url('/') })).rejects.toMatchObject({
        code: '42501',
      });
      await client.query('RESET ROLE');
      await client.query(`GRANT EXECUTE ON FUNCTION submit_v1(text, text) TO ${role}`);
      await client.query(`SET ROLE ${role}`);
      const [id] = await world.submit(client, { url: world.target.url('/granted') });
      for (const table of ['inbox', 'api_keys', 'inbox_refused']) {
        await expect(client.query(`SELECT FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
      }
      await client.query(
        `CREATE TEMPORARY TABLE api_keys AS SELECT 1 AS id, 1 AS organization, '${HASH}' AS hash,
           NULL::text AS previous_hash, NULL::bigint AS previous_expires_at, NULL::bigint AS revoked_at,
           NULL::bigint AS expires_at, 7 AS scopes`,
      );
      await expect(client.query(submitAs(HASH, '[{}]'))).rejects.toMatchObject({ code: 'ZT001' });
      await client.query('RESET ROLE');
      await ended(world, id);
      expect(paths(world)).toEqual(['/granted']);
    } finally {
      await client.query(`RESET ROLE; DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test.each([
    ['text that is no JSON', 'not JSON at all', 'ZT003'],
    ['one job instead of a list', '{"url":"http://x.test"}', 'ZT003'],
    ['a list with a number in it', '[{}, 7]', 'ZT003'],
    ['null', 'null', 'ZT003'],
    ['a job of more than 1 MiB', JSON.stringify([{ body: 'x'.repeat(1_048_576) }]), 'ZT002'],
  ])('is told what is wrong with %s', async (_, jobs, code) => {
    await using world = await open();
    const client = await world.connect();
    const hash = String((await world.place.query('SELECT hash FROM api_keys'))[0]?.['hash']);

    const error: unknown = await client.query(submitAs(hash, jobs)).catch((thrown) => thrown);

    expect(error).toMatchObject({ code, message: expect.stringMatching(/^ezthrottle: job/) });
    expect(await world.place.query('SELECT FROM inbox')).toEqual([]);
  });
});

describe('the nodes that take jobs over', () => {
  test('take each once, however many they are', async () => {
    await using world = await open();
    await world.startAnother();
    await world.startAnother();
    const client = await world.connect();
    const jobs = Array.from({ length: 300 }, (_, index) => ({
      url: world.target.url(`/${index}`),
    }));
    const ids = await world.submit(client, ...jobs);

    await world.target.waitFor(300, 25_000);
    await inboxIsEmpty(world);

    expect(new Set(paths(world)).size).toBe(300);
    expect(ids.length).toBe(300);
    expect(await world.place.query('SELECT FROM inbox_refusals')).toEqual([]);
    expect(world.target.requests.length).toBe(300);
  });

  test('take them through a PgBouncer that shares sessions, as do the transactions that submit', async () => {
    const settings = { databaseUrl: postgres.url, poolMode: 'transaction' } as const;
    await using pooler = await startPgbouncer(settings);
    const flags = {
      'database-url': pooler.url,
      'database-prepare': false,
      'database-notify': false,
    };
    await using world = await open(flags);
    const client = new Client({ connectionString: pooler.url });
    await client.connect();
    await client.query('BEGIN');
    const { rows } = await client.query({
      text: `SELECT job_id FROM "${world.place.schema}".submit_v1($1, $2)`,
      values: [
        hashApiKey(world.server.apiKey),
        JSON.stringify([{ url: world.target.url('/pooled') }]),
      ],
    });
    await client.query('COMMIT');
    await client.end();

    await ended(world, rows[0].job_id);

    expect(paths(world)).toEqual(['/pooled']);
  });

  test('leave jobs where they are while there is no room, and take them when there is', async () => {
    await using world = await open({ 'max-backlog': '1' }, { delayMs: 300 });
    const client = await world.connect();
    const jobs = Array.from({ length: 3 }, (_, index) => ({ url: world.target.url(`/${index}`) }));
    await world.submit(client, ...jobs);

    await world.target.waitFor(3, 20_000);

    await inboxIsEmpty(world);
    expect(paths(world)).toEqual(['/0', '/1', '/2']);
  });

  test('find that a job is there already when one of them was killed before it could say so', async () => {
    await using world = await open();
    const client = await world.connect();
    const [id] = await world.submit(client, { url: world.target.url('/once') });
    await ended(world, id);
    // As it stood when the job was on disk, and the row not yet gone.
    await world.place.query(
      `INSERT INTO inbox (id, organization, api_key, job, created_at, due_at)
       VALUES ($1, 1, 1, $2, 0, 0), ($1, 1, 1, $3, 0, 0)`,
      [
        id,
        JSON.stringify({ url: world.target.url('/once') }),
        JSON.stringify({ url: world.target.url('/once'), idempotent_key: 'free again' }),
      ],
    );

    await inboxIsEmpty(world);

    expect(await world.place.query('SELECT FROM inbox_refusals')).toEqual([]);
    expect(paths(world)).toEqual(['/once']);
  });
});
