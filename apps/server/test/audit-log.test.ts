import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addOrganization,
  objectOf,
  type Reply,
  request,
  type RunningServer,
  startServer,
  until,
} from './running-server.ts';

const OTHER_KEY = 'the-other-organizations-key';
const PATH = '/api/v1/audit-log';
let server: RunningServer;

beforeAll(async () => {
  server = await startServer();
  await server.restart(() => addOrganization(server.folder, 'other', OTHER_KEY));
});

afterAll(async () => {
  await server.close();
});

function entriesOf(reply: Reply): readonly Record<string, unknown>[] {
  const { entries } = reply.json;
  if (!Array.isArray(entries)) throw new Error(reply.text);
  return entries.map(objectOf);
}

const acts = async (query = ''): Promise<readonly unknown[]> =>
  entriesOf(await server.call('GET', `${PATH}${query}`)).map(({ action }) => action);

describe('the audit log', () => {
  test('says who changed a limit, why, and what it was before', async () => {
    const who = { 'X-EZThrottle-Actor': 'Ad%C3%A1', 'X-EZThrottle-Reason': 'ticket 7' };
    await server.call('PUT', '/api/v1/limits/openai', { rate: 10 }, who);
    await server.call('PUT', '/api/v1/limits/openai', { rate: 10 }, who);
    await server.call('PATCH', '/api/v1/limits/openai', { rate: 20 });
    await server.call('DELETE', '/api/v1/limits/openai', undefined, who);

    const entries = entriesOf(await server.call('GET', `${PATH}?target=openai`));
    expect(entries).toMatchObject([
      { action: 'limit.delete', actor: 'Adá', before: { rate: 20 }, after: null },
      { action: 'limit.put', actor: null, reason: null, before: { rate: 10 }, after: { rate: 20 } },
      {
        action: 'limit.put',
        target: 'openai',
        api_key_id: expect.stringMatching(/^[\da-f-]{36}$/),
        actor: 'Adá',
        reason: 'ticket 7',
        before: null,
        after: { rate: 10 },
      },
    ]);
  });

  test('has no secret in it, and no entry for what was refused or changed nothing', async () => {
    const first = 'a-signing-secret-of-some-length-1';
    const second = 'a-signing-secret-of-some-length-2';
    await server.call('POST', '/api/v1/webhook-secrets', { primary_secret: first });
    await server.call('POST', '/api/v1/webhook-secrets/rotate', { new_secret: second });
    await server.call('POST', '/api/v1/webhook-secrets/rotate', { new_secret: 'short' });
    await server.call('DELETE', '/api/v1/limits/never-was');
    await server.call('POST', '/api/v1/webhook-endpoints/never-was/disable');
    await server.call('POST', '/api/v1/webhook-secrets/signing-keys');
    await server.call('POST', '/api/v1/webhook-secrets/signing-keys');

    const reply = await server.call('GET', `${PATH}?limit=3`);
    expect(entriesOf(reply).map(({ action }) => action)).toEqual([
      'signing_keys.create',
      'webhook_secrets.rotate',
      'webhook_secrets.put',
    ]);
    expect(reply.text).not.toContain('signing-secret-of-some');
    expect(await acts('?action=webhook_secrets.rotate')).toHaveLength(1);
  });

  test('tells what was before of what opens more, or hides less', async () => {
    const secret = (origin: string): object => ({ value: 'never-shown-7', origins: [origin] });
    await server.call('PUT', '/api/v1/secrets/A', secret('https://a.example'));
    await server.call('PUT', '/api/v1/secrets/A', secret('*'));
    await server.call('DELETE', '/api/v1/secrets/A');
    const redaction = '/api/v1/settings/redaction';
    await server.call('PUT', redaction, { request_headers: ['authorization'] });
    await server.call('PUT', redaction, { request_headers: ['x-other'], response_paths: ['$.a'] });

    const secrets = await server.call('GET', `${PATH}?target=A`);
    expect(entriesOf(secrets)).toMatchObject([
      { action: 'secret.delete', before: { origins: ['*'] }, after: null },
      {
        action: 'secret.put',
        before: { origins: ['https://a.example'] },
        after: { origins: ['*'] },
      },
      { action: 'secret.put', before: null, after: { origins: ['https://a.example'] } },
    ]);
    expect(secrets.text).not.toContain('never-shown');
    const [changed] = entriesOf(await server.call('GET', `${PATH}?action=redaction.put`));
    expect(changed).toMatchObject({
      before: { request_headers: ['authorization'], response_paths: [] },
      after: { request_headers: ['x-other'], response_paths: ['$.a'] },
    });
  });

  test.each([
    ['PUT', 'settings/retention', { jobs_ms: 120_000 }],
    ['PUT', 'settings/redaction', { response_headers: ['X-Token'] }],
    ['PUT', 'secrets/SAME', { value: 'as-before', origins: ['https://a.example'] }],
    ['POST', 'webhook-secrets', { primary_secret: 'a-signing-secret-that-stays' }],
    ['DELETE', 'webhook-secrets', undefined],
    ['DELETE', 'webhook-secrets/signing-keys', undefined],
  ])('has one entry for %s %s, however often it is repeated', async (method, path, body) => {
    await server.call(method, `/api/v1/${path}`, body);
    const [last] = entriesOf(await server.call('GET', `${PATH}?limit=1`));
    const again = await server.call(method, `/api/v1/${path}`, body);
    expect(again.status).toBe(200);
    expect(entriesOf(await server.call('GET', `${PATH}?limit=1`))).toEqual([last]);
  });

  test('is read page by page, the newest first, each organization its own', async () => {
    const all = await acts();
    const seen: unknown[] = [];
    let query = '?limit=2';
    while (query !== '') {
      const page = await server.call('GET', PATH + query);
      seen.push(...entriesOf(page).map(({ action }) => action));
      const next = page.json['next_cursor'];
      query = typeof next === 'string' ? `?limit=2&cursor=${next}` : '';
    }
    expect(seen).toEqual(all);
    const other = await request(`${server.url}${PATH}`, 'GET', undefined, {
      authorization: `Bearer ${OTHER_KEY}`,
    });
    expect(other.json).toEqual({ entries: [], next_cursor: null });
  });

  test('names all that is wrong with a query, and an actor that no text says', async () => {
    const query = await server.call('GET', `${PATH}?limit=0&cursor=x&wrong=1`);
    expect(query.status).toBe(400);
    expect(query.json['problems']).toMatchObject([
      { path: 'limit' },
      { path: 'cursor' },
      { path: 'wrong' },
    ]);
    const bad = await server.call(
      'PUT',
      '/api/v1/limits/x',
      { rate: 1 },
      {
        'X-EZThrottle-Actor': 'a%0Ab',
        'X-EZThrottle-Reason': 'r'.repeat(501),
      },
    );
    expect(bad.status).toBe(400);
    expect(bad.json['problems']).toMatchObject([
      { path: 'X-EZThrottle-Actor' },
      { path: 'X-EZThrottle-Reason' },
    ]);
  });

  test('can be changed by nobody', async () => {
    const [entry] = entriesOf(await server.call('GET', `${PATH}?limit=1`));
    for (const method of ['PUT', 'PATCH', 'POST', 'DELETE']) {
      const refused = await server.call(method, PATH, method === 'DELETE' ? undefined : {});
      expect(refused.status).toBe(405);
    }
    const again = entriesOf(await server.call('GET', `${PATH}?limit=1`));
    expect(again).toEqual([entry]);
  });
});

test('the audit log survives a restart', async () => {
  const before = await acts();
  expect(before.length).toBeGreaterThan(0);
  await server.restart();
  const after = await until(acts, (found) => found.length > 0);
  expect(after).toEqual(before);
});
