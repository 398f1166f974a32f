import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addOrganization,
  objectOf,
  type Reply,
  request,
  type RunningServer,
  startServer,
  textOf,
  until,
} from './running-server.ts';

const OTHER_KEY = 'the-other-organizations-key';
let server: RunningServer;
let target: Upstream;

const pathOf = (key: string): string => `/api/v1/limits/${encodeURIComponent(key)}`;
const put = (key: string, body: unknown, headers = {}): Promise<Reply> =>
  server.call('PUT', pathOf(key), body, headers);
const patch = (key: string, body: unknown, headers = {}): Promise<Reply> =>
  server.call('PATCH', pathOf(key), body, headers);
const get = (key: string): Promise<Reply> => server.call('GET', pathOf(key));
const remove = (key: string, headers = {}): Promise<Reply> =>
  server.call('DELETE', pathOf(key), undefined, headers);
const asOther = (method: string, path: string, body?: unknown): Promise<Reply> =>
  request(`${server.url}${path}`, method, body, { authorization: `Bearer ${OTHER_KEY}` });

function listOf(value: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new Error('not a list');
  return value.map(objectOf);
}

/** The limit that a reply shows. */
function limitOf(reply: Reply): Record<string, unknown> {
  const { warnings: _, ...limit } = reply.json;
  return limit;
}

function pathsOf(reply: Reply): readonly string[] {
  return listOf(reply.json['problems']).map(({ path }) => textOf(path));
}

beforeAll(async () => {
  target = await createUpstream({ body: { fine: true } });
  server = await startServer();
  await server.restart(() => addOrganization(server.folder, 'other', OTHER_KEY));
});

afterAll(async () => {
  await server.close();
  await target.close();
});

describe('a limit', () => {
  test('is created with 201, replaced with 200, and shown as it was said', async () => {
    const created = await put('openai-tpm', {
      rate: 90_000,
      per_ms: 60_000,
      burst: 5_000,
      settle_path: '$.usage.total_tokens',
    });
    expect(created.status).toBe(201);
    expect(limitOf(created)).toEqual({
      key: 'openai-tpm',
      kind: 'custom',
      rate: 90_000,
      per_ms: 60_000,
      burst: 5_000,
      concurrency: null,
      adaptive: false,
      floor: null,
      ceiling: null,
      paused: false,
      paused_until: null,
      settle_header: null,
      settle_path: '$.usage.total_tokens',
      weight: null,
      version: expect.any(String),
      created_at: expect.any(Number),
      updated_at: expect.any(Number),
      state: null,
    });
    const replaced = await put('openai-tpm', { concurrency: 3 });
    expect(replaced.status).toBe(200);
    const { version } = replaced.json;
    expect(version).not.toBe(created.json['version']);
    expect(replaced.headers.get('etag')).toBe(`"${textOf(version)}"`);
    expect((await get('openai-tpm')).json).toEqual(limitOf(replaced));
    expect(replaced.json).toMatchObject({ rate: null, concurrency: 3, settle_path: null });
  });

  test('that is put as it is keeps its version, also as it was shown', async () => {
    const first = (await put('same', { rate: 5, floor: 2, ceiling: 9, adaptive: true })).json;
    const again = await put('same', {
      ceiling: 9,
      adaptive: true,
      floor: 2,
      rate: 5,
      per_ms: 1_000,
    });
    expect([again.status, again.json]).toEqual([200, first]);
    expect((await put('same', first)).json).toEqual(first);
  });

  test('is changed in some fields; null takes one away; together they must still be right', async () => {
    await put('part', { rate: 5, burst: 10, concurrency: 2 });
    const changed = await patch('part', { rate: 7, burst: null });
    expect(changed.json).toMatchObject({ rate: 7, burst: null, concurrency: 2 });
    const wrong = await patch('part', { rate: null, burst: 3, floor: 1 });
    expect([wrong.status, pathsOf(wrong)]).toEqual([400, ['burst', 'floor', 'floor']]);
    expect((await get('part')).json).toEqual(limitOf(changed));
    expect((await patch('nobody', { rate: 1 })).status).toBe(404);
  });

  test('is deleted once, and made anew has another version', async () => {
    const before = (await put('short-lived', { rate: 1 })).json;
    const made = Date.now();
    expect((await remove('short-lived')).json).toEqual({ key: 'short-lived', status: 'deleted' });
    expect([(await remove('short-lived')).status, (await get('short-lived')).status]).toEqual([
      404, 404,
    ]);
    // A version names the millisecond in which it was made.
    await until(
      async () => Date.now(),
      (now) => now > made,
    );
    expect((await put('short-lived', { rate: 1 })).json['version']).not.toBe(before['version']);
  });

  test('is still there after the server has been started again', async () => {
    const before = limitOf(await put('kept', { rate: 4, paused_until: 5 }));
    await server.restart();
    expect((await get('kept')).json).toEqual(before);
  });

  test('may be called anything that a job may name, an origin or a user', async () => {
    for (const [key, told, kind] of [
      ['a b/c?d#e%2F&', 'a b/c?d#e%2F&', 'custom'],
      ['日本 \u{1f680}', '日本 \u{1f680}', 'custom'],
      [
        'destination:HTTPS://API.Example.com:443/',
        'destination:https://api.example.com',
        'destination',
      ],
      [`account:${'é'.repeat(256)}`, `account:${'é'.repeat(256)}`, 'account'],
    ] as const) {
      expect((await put(key, { rate: 1 })).json).toMatchObject({ key: told, kind });
      expect((await get(told)).status).toBe(200);
      expect((await remove(key)).json).toMatchObject({ key: told });
    }
  });
});

test('a limit that is only a pause can be told to go on, either way', async () => {
  for (const key of ['only-a-pause', 'destination:https://paused.test', 'account:paused']) {
    expect((await put(key, { paused: true })).status).toBe(201);
    const on = await patch(key, { paused: false });
    expect([on.status, on.json['paused']]).toEqual([200, false]);
    await patch(key, { paused_until: Date.now() + 60_000 });
    const over = await patch(key, { paused_until: null });
    expect([over.status, over.json['paused'], over.json['paused_until']]).toEqual([
      200,
      false,
      null,
    ]);
    expect((await remove(key)).status).toBe(200);
  }
});

describe('what is wrong', () => {
  test('is told all at once, each with its place', async () => {
    const fields = await put('wrong', {
      rate: 0,
      per_ms: 1.5,
      burst: 0,
      concurrency: '3',
      adaptive: 1,
      paused_until: -1,
      settle_path: '',
    });
    expect(fields.status).toBe(400);
    expect(pathsOf(fields)).toEqual([
      'rate',
      'per_ms',
      'burst',
      'concurrency',
      'adaptive',
      'paused_until',
      'settle_path',
    ]);
    const together = await put('wrong', {
      rate: 10,
      floor: 11,
      ceiling: 9,
      settle_header: 'no header',
      settle_path: '$..x',
    });
    const expected = [
      'floor',
      'ceiling',
      'floor',
      'ceiling',
      'settle_header',
      'settle_path',
      'settle_path',
    ];
    expect(pathsOf(together)).toEqual(expected);
    expect((await get('wrong')).status).toBe(404);
  });

  test.each([
    [{}, ['rate']],
    [{ settle_path: '$.cost' }, ['rate']],
    [{ rate: 1, burst: 0, settle_path: 'cost' }, ['burst', 'settle_path']],
    [{ rate: 1_000_001 }, ['rate']],
    [{ rate: 1_000, per_ms: 1, ceiling: 1_001, adaptive: true }, ['ceiling']],
    [{ rate: 0.5, per_ms: 86_400_000 }, ['rate']],
    [[], ['']],
    ['5', ['']],
    [undefined, ['']],
  ])('refuses %j', async (body, paths) => {
    const reply = await put('refused', body);
    expect([reply.status, pathsOf(reply)]).toEqual([400, paths]);
  });

  test('of a destination: a concurrency alone, a cost that is settled', async () => {
    const reply = await put('destination:https://a.test', {
      concurrency: 1,
      settle_header: 'X-Cost',
    });
    expect(pathsOf(reply)).toEqual(['rate', 'settle_header']);
  });

  test('in a key is told beside what is wrong in the fields', async () => {
    for (const key of [
      'destination:ftp://a.test',
      'destination:https://a.test/path',
      'destination:https://user@a.test',
      'destination:',
      'account:',
      'line\nbreak',
      'x'.repeat(129),
      `account:${'x'.repeat(257)}`,
    ]) {
      const reply = await put(key, { rate: -1 });
      expect([key, reply.status, pathsOf(reply)]).toEqual([key, 400, ['key', 'rate']]);
      expect((await get(key)).status).toBe(400);
    }
  });

  test('what is not known is named, and does no harm', async () => {
    const reply = await put('warned', { rate: 1, rates: 2, version: 'x' });
    expect(reply.status).toBe(201);
    expect(listOf(reply.json['warnings']).map(({ path }) => path)).toEqual(['rates']);
    const followed = await put('destination:https://a.test', { rate: 1, state: null });
    expect(followed.json).not.toHaveProperty('warnings');
  });

  test('other methods are refused', async () => {
    const reply = await server.call('POST', pathOf('x'), {});
    expect([reply.status, reply.headers.get('allow')]).toEqual([
      405,
      'PUT, PATCH, GET, DELETE, HEAD',
    ]);
  });
});

describe('whoever changes what somebody else has changed meanwhile', () => {
  test('is answered 412, and nothing is done', async () => {
    const first = await put('contended', { rate: 1 });
    const seen = { 'if-match': textOf(first.headers.get('etag')) };
    const second = await put('contended', { rate: 2 }, seen);
    expect(second.status).toBe(200);
    for (const reply of [
      await put('contended', { rate: 3 }, seen),
      await patch('contended', { rate: 3 }, seen),
      await remove('contended', seen),
      await put('contended', { rate: 3 }, { 'if-none-match': '*' }),
      await put(
        'contended',
        { rate: 3 },
        { 'if-match': `W/${textOf(second.headers.get('etag'))}` },
      ),
      await put('not-there', { rate: 3 }, { 'if-match': '*' }),
    ]) {
      expect([reply.status, reply.json['error']]).toEqual([412, 'precondition_failed']);
    }
    expect((await get('contended')).json).toEqual(limitOf(second));
    expect((await get('not-there')).status).toBe(404);
    const any = `"other", ${textOf(second.headers.get('etag'))}`;
    expect((await remove('contended', { 'if-match': any })).status).toBe(200);
    expect((await put('contended', { rate: 1 }, { 'if-none-match': '*' })).status).toBe(201);
  });

  test('loses no change of one field when many come at once', async () => {
    await put('busy', { rate: 1 });
    const replies = await Promise.all(
      ['burst', 'concurrency', 'paused_until'].map((name) => patch('busy', { [name]: 7 })),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    const told = { rate: 1, burst: 7, concurrency: 7, paused_until: 7 };
    expect((await get('busy')).json).toMatchObject(told);
  });
});

describe('the list', () => {
  test('goes by key, page by page, and by prefix', async () => {
    for (const key of ['list-c', 'list-a', 'list-b', 'list_d']) await put(key, { rate: 1 });
    const keys: unknown[] = [];
    let query = '?prefix=list-&limit=2';
    for (let pages = 0; query !== ''; pages += 1) {
      expect(pages).toBeLessThan(2);
      const page = (await server.call('GET', `/api/v1/limits${query}`)).json;
      keys.push(...listOf(page['limits']).map(({ key }) => key));
      const cursor = page['next_cursor'];
      query = cursor === null ? '' : `?prefix=list-&limit=2&cursor=${textOf(cursor)}`;
    }
    expect(keys).toEqual(['list-a', 'list-b', 'list-c']);
  });

  test('tells everything that is wrong with its query', async () => {
    const reply = await server.call('GET', '/api/v1/limits?limit=0&cursor=CQ&order=key');
    expect([reply.status, pathsOf(reply)]).toEqual([400, ['limit', 'cursor', 'order']]);
  });
});

test('a limit of one organization is not there for another, nor counted', async () => {
  const mine = limitOf(await put('mine', { rate: 1 }));
  expect((await asOther('GET', pathOf('mine'))).status).toBe(404);
  expect((await asOther('PATCH', pathOf('mine'), { rate: 9 })).status).toBe(404);
  expect((await asOther('DELETE', pathOf('mine'))).status).toBe(404);
  expect((await asOther('GET', '/api/v1/limits')).json).toEqual({ limits: [], next_cursor: null });
  expect((await asOther('PUT', pathOf('mine'), { rate: 2 })).status).toBe(201);
  expect((await get('mine')).json).toEqual(mine);
  expect((await request(`${server.url}${pathOf('mine')}`, 'GET')).status).toBe(401);
});

describe('a destination', () => {
  const jobs = (count: number, path: string): Promise<Reply> =>
    server.call('POST', '/api/v1/jobs/batch', {
      jobs: Array.from({ length: count }, (_, n) => ({
        url: target.url(path),
        idempotent_key: `${path}-${n}`,
      })),
    });
  /** By then, whatever may be called has had its turn. */
  const callElsewhere = async (name: string): Promise<void> => {
    const elsewhere = await createUpstream();
    const job = { url: elsewhere.url(), idempotent_key: name };
    expect((await server.call('POST', '/api/v1/jobs', job)).status).toBe(201);
    await elsewhere.waitFor(1);
    await elsewhere.close();
  };
  const seen = (path: string): number => target.requests.filter((one) => one.path === path).length;

  test('that is stopped by hand sends nothing, says why, and goes on when it is let go', async () => {
    const key = `destination:${target.origin}`;
    expect((await put(key, { paused: true })).json).toMatchObject({ rate: null, state: null });
    await jobs(2, '/held');
    const held = await until(
      async () => (await get(key)).json['state'],
      (state) => state !== null && objectOf(state)['waiting'] === 2,
    );
    expect(held).toMatchObject({ paused_by: 'hand', paused_until: null, in_flight: 0, rate: 2 });
    // Faster does not help what is stopped.
    await put(key, { rate: 500, burst: 5, paused: true });
    await callElsewhere('before');
    expect(seen('/held')).toBe(0);
    await server.restart();
    await callElsewhere('after');
    expect(seen('/held')).toBe(0);
    await patch(key, { paused: false });
    await target.waitFor(() => seen('/held') === 2);
    const { state } = (await get(key)).json;
    expect(state).toMatchObject({ paused_by: null, rate: 500 });
    await remove(key);
  });

  test('goes on by itself when the pause by hand ends', async () => {
    const key = `destination:${target.origin}`;
    const end = Date.now() + 600;
    await put(key, { rate: 500, paused_until: end });
    await jobs(1, '/until');
    await target.waitFor(() => seen('/until') === 1);
    expect(Date.now()).toBeGreaterThanOrEqual(end - 5);
    await remove(key);
  });
});
