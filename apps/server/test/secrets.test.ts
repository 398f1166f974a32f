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
const VALUE = 'sk_live_"quoted" & long/enough';
let server: RunningServer;
let target: Upstream;

beforeAll(async () => {
  target = await createUpstream({ body: { fine: true } });
  server = await startServer({ rate: [`${target.origin}=1000`] });
  await server.restart(() => addOrganization(server.folder, 'other', OTHER_KEY));
});

afterAll(async () => {
  await server.close();
  await target.close();
});

async function put(name: string, value = VALUE, origins = [target.origin]): Promise<Reply> {
  return await server.call('PUT', `/api/v1/secrets/${name}`, { value, origins });
}

function ended(id: string): Promise<Record<string, unknown>> {
  return until(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json,
    (job) => job['ended_at'] !== null,
  );
}

async function run(job: Record<string, unknown>): Promise<Record<string, unknown>> {
  const reply = await server.call('POST', '/api/v1/jobs', job);
  expect([reply.status, reply.text]).toEqual([201, expect.any(String)]);
  return ended(textOf(reply.json['job_id']));
}

describe('a secret', () => {
  test('is put, listed by name, replaced and deleted, and never shown', async () => {
    expect((await put('A_KEY')).status).toBe(201);
    const again = await put('A_KEY', `${VALUE}2`);
    expect(again.status).toBe(200);
    const shown = await server.call('GET', '/api/v1/secrets/A_KEY');
    const list = await server.call('GET', '/api/v1/secrets');
    expect(shown.json).toMatchObject({ name: 'A_KEY', origins: [target.origin] });
    expect(again.text + shown.text + list.text).not.toContain('sk_live');
    const other = await request(`${server.url}/api/v1/secrets/A_KEY`, 'GET', undefined, {
      authorization: `Bearer ${OTHER_KEY}`,
    });
    expect(other.status).toBe(404);
    expect((await server.call('DELETE', '/api/v1/secrets/A_KEY')).status).toBe(200);
    expect((await server.call('DELETE', '/api/v1/secrets/A_KEY')).status).toBe(404);
  });

  test('that cannot be one is refused with all that is wrong, and without its value', async () => {
    const reply = await server.call('PUT', '/api/v1/secrets/no-name', {
      value: 'sk_live\u0000more',
      origins: ['https://a.example/path', 'https://*.example'],
    });
    expect(reply.status).toBe(400);
    const problems = reply.json['problems'];
    const paths = Array.isArray(problems) ? problems.map((one) => objectOf(one)['path']) : [];
    expect(new Set(paths)).toEqual(new Set(['name', 'value', 'origins[0]', 'origins[1]']));
    expect(reply.text).not.toContain('sk_live');
    expect((await put('SHORT', 'short')).status).toBe(400);
  });
});

describe('a job that refers to a secret', () => {
  test('is sent with it, spelled as each place needs it', async () => {
    await put('TOKEN');
    await put('PLAIN', 'sk_plain_0123');
    await run({
      url: target.url('/sent?key={{secret.TOKEN}}&x={{other}}'),
      method: 'POST',
      headers: { Authorization: 'Bearer {{secret.PLAIN}}', 'Content-Type': 'application/json' },
      body: '{"key":"{{secret.TOKEN}}","text":"{{!secret.TOKEN}}"}',
      idempotent_key: 'sent',
    });
    const call = target.requests.find(({ path }) => path.startsWith('/sent'));
    expect(new URL(`http://x${call?.path}`).searchParams.get('key')).toBe(VALUE);
    expect(call?.headers['authorization']).toBe('Bearer sk_plain_0123');
    expect(JSON.parse(String(call?.body))).toEqual({ key: VALUE, text: '{{secret.TOKEN}}' });
  });

  test('is sent with it, and masked, by the next server on the same folder as well', async () => {
    await put('KEPT', 'the-kept-secret-value');
    target.route('/kept', ({ headers }) => ({ body: `got ${headers['x-key']}` }));
    const later = { url: target.url('/kept'), retry_at: Date.now() + 1_000 };
    const job = { ...later, headers: { 'X-Key': '{{secret.KEPT}}' } };
    const { job_id: id } = (await server.call('POST', '/api/v1/jobs', job)).json;
    await server.restart();
    const result = objectOf((await ended(textOf(id)))['result']);
    expect(objectOf(result['response'])['body']).toBe('got [secret KEPT]');
    expect(target.requests.at(-1)?.headers['x-key']).toBe('the-kept-secret-value');
  });

  test('is known again by what it says, not by what is sent', async () => {
    const job = { url: target.url('/same'), headers: { 'X-Key': '{{secret.TOKEN}}' } };
    await put('TOKEN', 'the-first-value');
    const first = await server.call('POST', '/api/v1/jobs', job);
    await put('TOKEN', 'the-second-value');
    const second = await server.call('POST', '/api/v1/jobs', job);
    expect(second.json).toMatchObject({ duplicate: true, job_id: first.json['job_id'] });
  });

  test('is refused where the secret is unknown or may not be sent, with every place', async () => {
    await put('ELSEWHERE', VALUE, ['https://elsewhere.example']);
    const reply = await server.call('POST', '/api/v1/jobs', {
      url: target.url('/?a={{secret.NOBODY}}'),
      on_success: { url: target.url('/'), headers: { 'X-Key': '{{secret.ELSEWHERE}}' } },
      fallback_job: { url: target.url('/'), method: 'POST', body: '{{secret.NOBODY}}' },
    });
    expect([reply.status, reply.json['error']]).toEqual([422, 'secrets_unusable']);
    const problems = reply.json['problems'];
    const paths = Array.isArray(problems) ? problems.map((one) => objectOf(one)['path']) : [];
    expect(new Set(paths)).toEqual(
      new Set(['url', 'fallback_job.body', 'on_success.headers.X-Key']),
    );
  });

  test('is refused where the secrets make it too long, before anything is put together', async () => {
    await put('LONG', 'z'.repeat(8_192));
    const url = target.url('/long');
    const body = '{{secret.LONG}}'.repeat(60_000);
    const headers = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e'].map((name) => [name, '{{secret.LONG}}']),
    );
    const jobs = [
      { url, method: 'POST', body, idempotent_key: 'long body' },
      { url: `${url}?a={{secret.LONG}}`, headers },
      { url, method: 'POST', body: '{{secret.LONG}}'.repeat(128), idempotent_key: 'fits' },
    ];
    const replies = await Promise.all(jobs.map((job) => server.call('POST', '/api/v1/jobs', job)));
    expect(replies.map(({ status }) => status)).toEqual([422, 422, 201]);
    expect(replies[0]?.json['problems']).toMatchObject([{ path: 'body' }]);
    expect(replies[1]?.json['problems']).toMatchObject([{ path: 'url' }, { path: 'headers' }]);
    const sent = await ended(textOf(replies[2]?.json['job_id']));
    expect(sent['state']).toBe('completed');
    expect(target.requests.at(-1)?.body).toHaveLength(1_048_576);
  });

  test('is not sent where a secret has grown meanwhile, and holds up nobody, also over a restart', async () => {
    await put('GROWING', 'short-enough');
    const later = { method: 'POST', retry_at: Date.now() + 2_500 };
    const body = '{{secret.GROWING}}'.repeat(1_000);
    const replies = [];
    for (let job = 0; job < 20; job += 1) {
      const url = target.url(`/growing/${job}`);
      replies.push(await server.call('POST', '/api/v1/jobs', { ...later, url, body }));
    }
    await put('GROWING', '"'.repeat(8_192));
    await server.restart();
    for (const { json } of replies) {
      const done = await ended(textOf(json['job_id']));
      expect(done['state']).toBe('failed');
      expect(JSON.stringify(done)).toContain('body_too_long');
    }
    const health = await server.call('GET', '/health');
    expect(health.json).toMatchObject({ calls_in_flight: 0 });
    expect(target.requests.filter(({ path }) => path.startsWith('/growing'))).toEqual([]);
  });

  test('hides what the secret was before, also over a restart and when it is deleted', async () => {
    const [first, second] = ['the-first-rotated-value', 'the-second-rotated-value'];
    await put('ROTATED', first);
    await put('ROTATED', second);
    target.route('/memory', { body: `${first} ${second}` });
    const shown = async (): Promise<unknown> => {
      // It refers to no secret: the target knows them from other calls.
      const done = await run({ url: target.url('/memory'), idempotent_key: String(Math.random()) });
      return objectOf(objectOf(done['result'])['response'])['body'];
    };
    expect(await shown()).toBe('[secret ROTATED] [secret ROTATED]');
    await server.restart();
    expect(await shown()).toBe('[secret ROTATED] [secret ROTATED]');
    await server.call('DELETE', '/api/v1/secrets/ROTATED');
    expect(await shown()).toBe('[secret ROTATED] [secret ROTATED]');
    await server.restart();
    expect(await shown()).toBe('[secret ROTATED] [secret ROTATED]');
  });

  test('hides a value that is replaced between two of its attempts', async () => {
    const [old, fresh] = ['the-old-value-of-two', 'the-new-value-of-two'];
    await put('BETWEEN', old);
    let calls = 0;
    target.route('/between', () => {
      calls += 1;
      return calls === 1 ? { status: 500 } : { body: `echo ${old} ${fresh}` };
    });
    const job = {
      url: target.url('/between'),
      headers: { 'X-Key': '{{secret.BETWEEN}}' },
      retry_policy: { retry_codes: [500] },
    };
    const reply = await server.call('POST', '/api/v1/jobs', job);
    await until(
      async () => calls,
      (made) => made > 0,
    );
    await put('BETWEEN', fresh);
    const done = await ended(textOf(reply.json['job_id']));
    const response = objectOf(objectOf(done['result'])['response']);
    expect(response['body']).toBe('echo [secret BETWEEN] [secret BETWEEN]');
  });

  test('has its answer in the encoding `identity`, which is none', async () => {
    await put('PLAINLY', 'the-plain-secret-value');
    const headers = { 'content-encoding': 'identity' };
    target.route('/identity', { headers, body: 'important the-plain-secret-value' });
    const key = { 'X-Key': '{{secret.PLAINLY}}' };
    const done = await run({ url: target.url('/identity'), headers: key });
    const response = objectOf(objectOf(done['result'])['response']);
    expect(response).toMatchObject({ body: 'important [secret PLAINLY]' });
    expect(response['truncated']).toBeUndefined();
  });

  test('fails for good when the secret was deleted meanwhile', async () => {
    await put('GONE');
    const job = {
      url: target.url('/gone'),
      headers: { 'X-Key': '{{secret.GONE}}' },
      retry_at: Date.now() + 300,
    };
    const reply = await server.call('POST', '/api/v1/jobs', job);
    await server.call('DELETE', '/api/v1/secrets/GONE');
    const done = await ended(textOf(reply.json['job_id']));
    expect(done).toMatchObject({ state: 'failed' });
    expect(JSON.stringify(done)).toContain('GONE does not exist any more');
    expect(target.requests.filter(({ path }) => path === '/gone')).toEqual([]);
  });
});

describe('a dead job that is sent again', () => {
  test('refers to the secrets of what it was edited to', async () => {
    await put('EDITED', 'the-edited-secret-value');
    target.route('/dead', { status: 400 });
    const dead = await run({ url: target.url('/dead'), method: 'POST', body: 'x' });
    target.route('/dead', { status: 200 });
    const id = textOf(dead['job_id']);
    const edit = { edit: { body: 'key={{secret.EDITED}}' }, reason: 'try a key' };
    const replayed = await server.call('POST', `/api/v1/dead-letters/jobs/${id}/replay`, edit);
    expect([replayed.status, replayed.text]).toEqual([201, expect.any(String)]);
    await ended(textOf(replayed.json['job_id']));
    const bodies = target.requests.filter(({ path }) => path === '/dead').map(({ body }) => body);
    expect(bodies).toEqual(['x', 'key=the-edited-secret-value']);
  });
});
