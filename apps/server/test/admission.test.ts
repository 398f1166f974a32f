import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  objectOf,
  type Reply,
  type RunningServer,
  startServer,
  textOf,
  until,
} from './running-server.ts';

const NOBODY = 'http://127.0.0.1:9/';

/** Waits for an hour, and so is unfinished. */
function later(name: string, more: object = {}): object {
  const retryAt = Date.now() + 3_600_000;
  return { url: NOBODY, retry_at: retryAt, idempotent_key: name, ...more };
}

function refusedBy(reply: Reply): unknown {
  return [reply.status, reply.json['error'], reply.json['limit_reason']];
}

function itemsOf(reply: Reply): readonly Record<string, unknown>[] {
  const { results } = reply.json;
  return Array.isArray(results) ? results.map(objectOf) : [];
}

describe('over its memory ceiling', () => {
  let server: RunningServer;

  beforeAll(async () => {
    server = await startServer({ 'memory-limit-mb': '1000000' });
    // The same folder under a ceiling that is certainly exceeded.
    await server.call('POST', '/api/v1/jobs', later('early'));
    await server.restart(async () => undefined, { 'memory-limit-mb': '1' });
  });

  afterAll(async () => {
    await server.close();
  });

  test('the server turns new jobs away, and says when to come back', async () => {
    const waits: unknown[] = [];
    for (let n = 0; n < 6; n += 1) {
      const before = Date.now();
      const reply = await server.call('POST', '/api/v1/jobs', { url: `${NOBODY}${n}` });
      expect(refusedBy(reply)).toEqual([429, 'rate_limited', 'memory']);
      const { retry_after: retryAfter, retry_at: retryAt } = reply.json;
      expect(reply.headers.get('retry-after')).toBe(String(retryAfter));
      const off = Number(retryAt) - before - Number(retryAfter) * 1_000;
      expect(off).toBeGreaterThanOrEqual(0);
      expect(off).toBeLessThan(5_000);
      waits.push(retryAfter);
    }
    expect(waits).toEqual([5, 10, 20, 40, 60, 60]);
  });

  test('a job that was accepted before is still answered, and one that was turned away left no trace', async () => {
    const job = { url: NOBODY, idempotent_key: 'early' };
    const known = await server.call('POST', '/api/v1/jobs', job);
    expect([known.status, known.json['duplicate']]).toEqual([200, true]);
    expect(textOf(known.json['job_id'])).toMatch(/^[\da-f-]{36}$/);
    expect(known.json['idempotency_expires_at']).toBeGreaterThan(Date.now());
    const { jobs } = (await server.call('GET', '/api/v1/jobs')).json;
    expect(jobs).toHaveLength(1);
  });

  test('a repeat is answered by what it asks for, and a replacement is no new load', async () => {
    const strict = { ...later('early'), body: 'other', method: 'POST', strict_idempotency: true };
    expect((await server.call('POST', '/api/v1/jobs', strict)).status).toBe(422);
    const rejecting = { ...later('early'), on_conflict: 'reject' };
    expect((await server.call('POST', '/api/v1/jobs', rejecting)).status).toBe(409);
    const replacing = { ...later('early'), body: '2', method: 'POST', on_conflict: 'replace' };
    expect((await server.call('POST', '/api/v1/jobs', replacing)).status).toBe(201);
  });

  test('a job that is wrong is told so', async () => {
    expect((await server.call('POST', '/api/v1/jobs', { url: 'x' })).status).toBe(400);
  });
});

describe('where backlogs are bounded', () => {
  let server: RunningServer;
  let target: Upstream;

  beforeAll(async () => {
    target = await createUpstream({ body: 'fine' });
    server = await startServer({
      rate: [`${target.origin}=1000`],
      'max-account-backlog': '3',
      'max-organization-backlog': '6',
    });
  });

  afterAll(async () => {
    await server.close();
    await target.close();
  });

  test('an account that has its share waiting is turned away, and another one is not', async () => {
    for (const name of ['a', 'b', 'c']) {
      expect((await server.call('POST', '/api/v1/jobs', later(name))).status).toBe(201);
    }
    const full = await server.call('POST', '/api/v1/jobs', later('d'));
    expect(refusedBy(full)).toEqual([429, 'rate_limited', 'user_queue']);
    expect(full.json).toMatchObject({ limit: 3, current: 3 });
    const repeat = await server.call('POST', '/api/v1/jobs', later('a'));
    expect([repeat.status, repeat.json['duplicate']]).toEqual([200, true]);
    const other = await server.call('POST', '/api/v1/jobs', later('e', { user_id: 'other' }));
    expect(other.status).toBe(201);
  });

  test('a batch is looked at by account, and items that are known are answered', async () => {
    const jobs = [
      later('a'),
      later('f'),
      later('g', { user_id: 'other' }),
      later('h', { user_id: 'other' }),
      { url: 'wrong' },
    ];
    const reply = await server.call('POST', '/api/v1/jobs/batch', { jobs });
    expect(itemsOf(reply).map((item) => item['status_code'])).toEqual([200, 429, 201, 201, 400]);
    const full = await server.call('POST', '/api/v1/jobs', later('i', { user_id: 'third' }));
    expect(refusedBy(full)).toEqual([429, 'rate_limited', 'organization_backlog']);
  });

  test('it is known again after a restart, and room that has come free is given', async () => {
    await server.restart();
    const full = await server.call('POST', '/api/v1/jobs', later('i', { user_id: 'third' }));
    expect(refusedBy(full)).toEqual([429, 'rate_limited', 'organization_backlog']);
    const { json } = await server.call('POST', '/api/v1/jobs', later('a'));
    await server.call('DELETE', `/api/v1/jobs/${textOf(json['job_id'])}`);
    const now = { url: target.url('/'), user_id: 'third' };
    expect((await server.call('POST', '/api/v1/jobs', now)).status).toBe(201);
    // It ends, and makes room for the next.
    await until(
      () => server.call('POST', '/api/v1/jobs', { ...now, method: 'POST' }),
      ({ status }) => status === 201,
    );
  });

  test('the wait is how long it takes until there is room, at the pace of late', async () => {
    for (let n = 0; n < 300; n += 1) {
      const job = { url: target.url(`/?${n}`), user_id: 'busy' };
      await until(
        () => server.call('POST', '/api/v1/jobs', job),
        ({ status }) => status === 201,
      );
    }
    const health = objectOf((await server.call('GET', '/health')).json['admission']);
    expect(Number(health['drain_per_second'])).toBeGreaterThan(5);
    const full = await until(
      () => server.call('POST', '/api/v1/jobs', later(String(Math.random()), { user_id: 'last' })),
      ({ status }) => status === 429,
    );
    expect(full.json).toMatchObject({ retry_after: 1 });
  });
});

describe('many that come at one time', () => {
  test('of a batch, the first new ones have the room there is, and what is known needs none', async () => {
    const server = await startServer({ 'max-account-backlog': '4' });
    try {
      expect((await server.call('POST', '/api/v1/jobs', later('a'))).status).toBe(201);
      const names = ['b', 'a', 'b', 'c', 'd', 'e', 'a', 'e'];
      const jobs = names.map((name) => later(name));
      const items = itemsOf(await server.call('POST', '/api/v1/jobs/batch', { jobs }));
      expect(items.map((item) => item['status_code'])).toEqual([
        201, 200, 200, 201, 201, 429, 200, 429,
      ]);
      const twice = { jobs: [later('f'), later('g')] };
      const [first, second] = itemsOf(await server.call('POST', '/api/v1/jobs/batch', twice));
      // One batch is one refusal.
      expect(objectOf(second?.['body'])['retry_after']).toBe(
        objectOf(first?.['body'])['retry_after'],
      );
      const next = await server.call('POST', '/api/v1/jobs', later('h'));
      expect(next.json['retry_after']).toBe(2 * Number(objectOf(first?.['body'])['retry_after']));
    } finally {
      await server.close();
    }
  });

  test('of a batch, also of several accounts, and of all together, are held to every bound', async () => {
    const server = await startServer({
      'max-account-backlog': '2',
      'max-organization-backlog': '3',
    });
    try {
      const jobs = ['x', 'x', 'x', 'y', 'z'].map((user, n) => later(`${n}`, { user_id: user }));
      const items = itemsOf(await server.call('POST', '/api/v1/jobs/batch', { jobs }));
      expect(items.map((item) => item['status_code'])).toEqual([201, 201, 429, 201, 429]);
      const reasons = items.map((item) => objectOf(item['body'])['limit_reason']);
      expect([reasons[2], reasons[4]]).toEqual(['user_queue', 'organization_backlog']);
    } finally {
      await server.close();
    }
  });

  test('as single submits and batches do not all find the same room', async () => {
    const server = await startServer({ 'max-account-backlog': '10' });
    try {
      const statuses = await Promise.all(
        Array.from({ length: 200 }, async (_, n) => {
          if (n % 20 !== 0) {
            return [(await server.call('POST', '/api/v1/jobs', later(`${n}`))).status];
          }
          const jobs = [later(`${n}`), later(`${n}+`)];
          const items = itemsOf(await server.call('POST', '/api/v1/jobs/batch', { jobs }));
          return items.map((item) => item['status_code']);
        }),
      );
      expect(statuses.flat().filter((status) => status === 201)).toHaveLength(10);
      // What was known or was refused is not counted for ever.
      const { jobs } = (await server.call('GET', '/api/v1/jobs')).json;
      const [one] = Array.isArray(jobs) ? jobs.map(objectOf) : [];
      await server.call('DELETE', `/api/v1/jobs/${textOf(one?.['job_id'])}`);
      expect((await server.call('POST', '/api/v1/jobs', later('next'))).status).toBe(201);
      expect((await server.call('POST', '/api/v1/jobs', later('last'))).status).toBe(429);
    } finally {
      await server.close();
    }
  });
});

test('a database that is too large takes no new jobs, and its size is shown', async () => {
  const server = await startServer({ 'db-max-bytes': '1', 'retry-after-seconds': '7' });
  try {
    const reply = await server.call('POST', '/api/v1/jobs', later('x'));
    expect(refusedBy(reply)).toEqual([429, 'rate_limited', 'db_size']);
    expect(reply.headers.get('retry-after')).toBe('7');
    const health = objectOf((await server.call('GET', '/health')).json['admission']);
    expect(health).toMatchObject({ enabled: true, db_max_bytes: 1, backlog: 0 });
    expect(Number(health['db_bytes'])).toBeGreaterThan(4_096);
  } finally {
    await server.close();
  }
});
