import { API_KEY_SCOPES } from '@ezthrottle/core/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addOrganization,
  objectOf,
  type Reply,
  request,
  type RunningServer,
  startServer,
  textOf,
} from './running-server.ts';

const OTHER_KEY = 'the-other-organizations-key';
let server: RunningServer;

beforeAll(async () => {
  server = await startServer();
  await server.restart(() => addOrganization(server.folder, 'other', OTHER_KEY));
});

afterAll(async () => {
  await server.close();
});

function as(key: unknown, method: string, path: string, body?: unknown): Promise<Reply> {
  return request(`${server.url}${path}`, method, body, { authorization: `Bearer ${textOf(key)}` });
}

async function made(fields: Record<string, unknown>): Promise<Record<string, unknown>> {
  const reply = await server.call('POST', '/api/v1/api-keys', { name: 'a key', ...fields });
  expect(reply.status).toBe(201);
  return reply.json;
}

describe('a new key', () => {
  test('is shown once, and never in a list', async () => {
    const { api_key: key, ...view } = await made({ name: 'billing', scopes: ['read'] });
    expect(view).toMatchObject({
      name: 'billing',
      scopes: ['read'],
      hint: textOf(key).slice(0, 12),
      expires_at: null,
      revoked_at: null,
      previous_expires_at: null,
    });
    const list = await server.call('GET', '/api/v1/api-keys');
    const one = await server.call('GET', `/api/v1/api-keys/${textOf(view['id'])}`);
    expect(one.json).toEqual(view);
    expect(list.json['api_keys']).toEqual(expect.arrayContaining([view]));
    expect(list.text + one.text).not.toContain(textOf(key));
  });

  test('has each scope once, and is refused with a field that is not known', async () => {
    expect(await made({ scopes: ['read', 'read'] })).toMatchObject({ scopes: ['read'] });
    const body = { name: 'a key', scope: ['read'], expire_at: 1 };
    const reply = await server.call('POST', '/api/v1/api-keys', body);
    expect(reply.status).toBe(400);
    expect(reply.json['problems']).toMatchObject([{ path: 'scope' }, { path: 'expire_at' }]);
    const one = `/api/v1/api-keys/${textOf((await made({}))['id'])}/rotate`;
    const rotated = await server.call('POST', one, { overlap: 0 });
    expect(rotated.json['problems']).toMatchObject([{ path: 'overlap' }]);
    const secret = { value: 'a long enough value', origins: ['*'], origin: 'https://a.test' };
    const put = await server.call('PUT', '/api/v1/secrets/one', secret);
    expect(put.json['problems']).toMatchObject([{ path: 'origin' }]);
  });

  test('does not outlive the key that asked for it, nor does one that it rotates', async () => {
    const end = Date.now() + 60_000;
    const asking = await made({ expires_at: end });
    const key = asking['api_key'];
    const made2 = await as(key, 'POST', '/api/v1/api-keys', { name: 'child' });
    expect(made2.json['expires_at']).toBe(end);
    const endless = `/api/v1/api-keys/${textOf((await made({}))['id'])}/rotate`;
    const own = `/api/v1/api-keys/${textOf(asking['id'])}/rotate`;
    for (const [path, body] of [
      ['/api/v1/api-keys', { name: 'child' }],
      [endless, {}],
      [own, {}],
    ] as const) {
      const longer = await as(key, 'POST', path, { ...body, expires_at: end + 1 });
      expect(longer.status).toBe(400);
      expect(longer.json['problems']).toMatchObject([{ path: 'expires_at' }]);
    }
    expect((await as(key, 'POST', endless, {})).json['expires_at']).toBe(end);
    const rotated = await as(key, 'POST', own, { overlap_ms: 3_600_000 });
    expect(rotated.json).toMatchObject({ expires_at: end, previous_expires_at: end });
    const again = await server.call('POST', own, { expires_at: end + 60_000, overlap_ms: 1_000 });
    expect(again.json).toMatchObject({ expires_at: end + 60_000 });
    const late = await as(rotated.json['api_key'], 'POST', '/api/v1/api-keys', { name: 'late' });
    expect(late.json['expires_at']).toBe(again.json['previous_expires_at']);
  });

  test('is named by the entry of the audit log that tells of it', async () => {
    const { id } = await made({ name: 'noted' });
    const log = await server.call('GET', '/api/v1/audit-log?limit=1');
    expect(log.json['entries']).toMatchObject([{ action: 'api_key.create', target: id }]);
  });

  test('that nobody can mean is refused with everything that is wrong', async () => {
    const reply = await server.call('POST', '/api/v1/api-keys', {
      name: '',
      scopes: ['root'],
      expires_at: 'soon',
    });
    expect(reply.status).toBe(400);
    const problems = reply.json['problems'];
    const paths = Array.isArray(problems) ? problems.map((one) => objectOf(one)['path']) : [];
    expect(new Set(paths)).toEqual(new Set(['expires_at', 'name', 'scopes[0]']));
    const both = { name: '', scopes: ['read'], expires_at: 1 };
    const told = (await server.call('POST', '/api/v1/api-keys', both)).json['problems'];
    expect(told).toMatchObject([{ path: 'name' }, { path: 'expires_at' }]);
    const past = { name: 'late', expires_at: 1 };
    expect((await server.call('POST', '/api/v1/api-keys', past)).status).toBe(400);
  });

  test('has at most the scopes of the key that makes it', async () => {
    const { api_key: manager } = await made({ scopes: ['manage'] });
    const more = { name: 'more', scopes: ['manage', 'submit'] };
    const refused = await as(manager, 'POST', '/api/v1/api-keys', more);
    expect([refused.status, refused.json['error']]).toEqual([403, 'forbidden']);
    expect(refused.json['message']).toContain('submit');
    const own = await as(manager, 'POST', '/api/v1/api-keys', { name: 'same' });
    expect(own.json['scopes']).toEqual(['manage']);
    const { id: wider } = await made({});
    const rotated = await as(manager, 'POST', `/api/v1/api-keys/${textOf(wider)}/rotate`);
    expect(rotated.status).toBe(403);
  });
});

describe('a key', () => {
  test('that is revoked opens nothing from that moment on', async () => {
    const { id, api_key: key } = await made({});
    expect((await as(key, 'GET', '/api/v1/jobs')).status).toBe(200);
    const revoked = await server.call('DELETE', `/api/v1/api-keys/${textOf(id)}`);
    expect(revoked.json['revoked_at']).toEqual(expect.any(Number));
    expect((await as(key, 'GET', '/api/v1/jobs')).status).toBe(401);
    expect((await server.call('DELETE', `/api/v1/api-keys/${textOf(id)}`)).json).toEqual(
      revoked.json,
    );
    const again = await server.call('POST', `/api/v1/api-keys/${textOf(id)}/rotate`, {});
    expect(again.status).toBe(409);
  });

  test('that is rotated is the same key, and the old one opens for the overlap', async () => {
    const { id, api_key: old } = await made({});
    const path = `/api/v1/api-keys/${textOf(id)}/rotate`;
    const first = await server.call('POST', path, { overlap_ms: 60_000 });
    expect(first.status).toBe(201);
    expect(first.json['id']).toBe(id);
    expect(first.json['previous_expires_at']).toEqual(expect.any(Number));
    for (const key of [old, first.json['api_key']]) {
      expect((await as(key, 'GET', '/api/v1/jobs')).status).toBe(200);
    }
    const second = await server.call('POST', path, { overlap_ms: 0 });
    const answers = [old, first.json['api_key'], second.json['api_key']].map((key) =>
      as(key, 'GET', '/api/v1/jobs'),
    );
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([401, 401, 200]);
  });

  test('that expires opens nothing afterwards', async () => {
    const { api_key: key } = await made({ expires_at: Date.now() + 150 });
    expect((await as(key, 'GET', '/api/v1/jobs')).status).toBe(200);
    await expect.poll(async () => (await as(key, 'GET', '/api/v1/jobs')).status).toBe(401);
  });

  test('tells when it was used last, also after a restart', async () => {
    const { id, api_key: key } = await made({});
    const before = Date.now();
    await as(key, 'GET', '/api/v1/jobs');
    await server.restart();
    const { last_used_at: used } = (await server.call('GET', `/api/v1/api-keys/${textOf(id)}`))
      .json;
    expect(Number(used)).toBeGreaterThanOrEqual(before);
  });

  test('of one organization is not there for another', async () => {
    const { id } = await made({});
    for (const [method, path] of [
      ['GET', textOf(id)],
      ['DELETE', textOf(id)],
      ['POST', `${textOf(id)}/rotate`],
      ['GET', 'no-id'],
    ] as const) {
      expect((await as(OTHER_KEY, method, `/api/v1/api-keys/${path}`)).status).toBe(404);
    }
    expect((await as(OTHER_KEY, 'GET', '/api/v1/api-keys')).text).not.toContain(textOf(id));
  });
});

describe('the key that the server was started with', () => {
  test('may be revoked, and then opens nothing after a restart either', async () => {
    const own = await startServer();
    try {
      const list = await own.call('GET', '/api/v1/api-keys');
      const [first] = Array.isArray(list.json['api_keys']) ? list.json['api_keys'] : [];
      expect(first).toMatchObject({ hint: null, scopes: API_KEY_SCOPES });
      await own.call('DELETE', `/api/v1/api-keys/${textOf(objectOf(first)['id'])}`);
      expect((await own.call('GET', '/api/v1/jobs')).status).toBe(401);
      await expect(own.restart()).rejects.toMatchObject({ code: 'api_key_revoked' });
    } finally {
      await own.close();
    }
  });
});

describe('the key that the server was started with, once rotated,', () => {
  test.each([[0], [0, 0], [60_000, 0], [60_000, 60_000]])(
    'opens nothing after a restart either (overlaps %j, %j)',
    async (...overlaps) => {
      const own = await startServer();
      try {
        const id = await firstKeyOf(own);
        let apiKey = own.apiKey;
        for (const overlap_ms of overlaps) {
          const path = `/api/v1/api-keys/${id}/rotate`;
          const rotated = await own.call('POST', path, { overlap_ms }, authorization(apiKey));
          apiKey = textOf(rotated.json['api_key']);
        }
        await own.restart();
        await own.restart();
        expect((await own.call('GET', '/api/v1/jobs')).status).toBe(401);
        const reply = await own.call('GET', '/api/v1/api-keys', undefined, authorization(apiKey));
        expect(reply.json['api_keys']).toHaveLength(1);
      } finally {
        await own.close();
      }
    },
  );
});

async function firstKeyOf(own: RunningServer): Promise<string> {
  const list = await own.call('GET', '/api/v1/api-keys');
  const [first] = Array.isArray(list.json['api_keys']) ? list.json['api_keys'] : [];
  return textOf(objectOf(first)['id']);
}

function authorization(apiKey: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${apiKey}` };
}

describe('every route', () => {
  test('lets in the keys that have its scope and no others', async () => {
    const keys = new Map<string, unknown>();
    for (const scope of API_KEY_SCOPES) {
      keys.set(scope, (await made({ name: `only ${scope}`, scopes: [scope] }))['api_key']);
    }
    const routes = server.surfaces.flatMap(({ prefix, routes: own }) =>
      own.map(({ method, path, access }) => ({ method, path: prefix + path, access })),
    );
    expect(routes.length).toBeGreaterThan(20);
    const wrong: string[] = [];
    for (const { method, path, access } of routes) {
      // An id that nobody has: whoever is let in does no harm.
      const address = path.replace(/:[a-z_]+/g, '019a0000-0000-7000-8000-00000000dead');
      for (const [scope, key] of keys) {
        const { status, text } = await as(key, method, address, bodyOf(method));
        const isRefused = status === 403 && text.includes(`needs the scope ${access}`);
        const isRight = access === 'public' || access === scope ? status !== 403 : isRefused;
        if (!isRight) wrong.push(`${method} ${path} for ${scope}: ${status}`);
      }
      const stranger = await request(`${server.url}${address}`, method, bodyOf(method));
      if ((stranger.status === 401) === (access === 'public')) {
        wrong.push(`${method} ${path} for nobody: ${stranger.status}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

function bodyOf(method: string): unknown {
  return method === 'GET' || method === 'DELETE' ? undefined : { is: 'no valid body' };
}
