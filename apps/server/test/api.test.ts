import { connect } from 'node:net';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  objectOf,
  request,
  type RunningServer,
  startServer,
  textOf,
  until,
} from './running-server.ts';

let server: RunningServer;
let target: Upstream;

beforeAll(async () => {
  target = await createUpstream({ body: { fine: true } });
  server = await startServer({ rate: [`${target.origin}=1000`] });
});

afterAll(async () => {
  await server.close();
  await target.close();
});

/** Where the problems are, in the order of the alphabet. */
function pathsOf(body: Record<string, unknown>): readonly string[] {
  const { problems } = body;
  const paths = Array.isArray(problems)
    ? problems.map((problem) => textOf(objectOf(problem)['path']))
    : [];
  return paths.toSorted((a, b) => a.localeCompare(b));
}

async function submitted(job: Record<string, unknown>): Promise<string> {
  const reply = await server.call('POST', '/api/v1/jobs', job);
  expect(reply.status).toBe(201);
  return textOf(reply.json['job_id']);
}

/** What the server says to these bytes on a bare connection, until it hangs up. */
async function spoken(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.end(bytes);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

function ended(id: string): Promise<Record<string, unknown>> {
  return until(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json,
    (job) => job['ended_at'] !== null,
  );
}

describe('submitting a job', () => {
  test('answers 201 with the job, which is then carried out', async () => {
    const reply = await server.call('POST', '/api/v1/jobs', {
      url: target.url('/first?n=1'),
      method: 'post',
      body: 'hello',
      metadata: { order: 7 },
      tags: ['a', 'b'],
      idempotent_key: 'first',
    });
    expect(reply.status).toBe(201);
    expect(reply.json).toEqual({
      job_id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7/),
      status: 'queued',
      state: 'pending',
      idempotent_key: 'first',
      queued_at: expect.any(Number),
      idempotency_expires_at: expect.any(Number),
    });
    const job = await ended(textOf(reply.json['job_id']));
    expect(job).toMatchObject({
      status: 'success',
      state: 'completed',
      url: target.url('/first?n=1'),
      method: 'POST',
      metadata: { order: 7 },
      tags: ['a', 'b'],
      attempts: [{ attempt: 1, path: 0, outcome: 'response', status_code: 200 }],
      result: { status: 'success', response: { status_code: 200, body: '{"fine":true}' } },
    });
  });

  test('answers a repeat with the first job, and says so', async () => {
    const job = { url: target.url('/repeat'), idempotent_key: 'repeat' };
    const id = await submitted(job);
    const again = await server.call('POST', '/api/v1/jobs', job);
    expect([again.status, again.json['job_id'], again.json['duplicate']]).toEqual([200, id, true]);
    expect(again.json['mismatch']).toBeUndefined();
    const other = await server.call('POST', '/api/v1/jobs', {
      ...job,
      body: 'other',
      method: 'PUT',
    });
    expect([other.status, other.json['job_id'], other.json['mismatch']]).toEqual([200, id, true]);
    const strict = { ...job, body: 'other', strict_idempotency: true };
    const refused = await server.call('POST', '/api/v1/jobs', strict);
    expect([refused.status, refused.json['error']]).toEqual([422, 'idempotency_mismatch']);
  });

  test('takes the same call without a key as the same job', async () => {
    const job = { url: target.url('/same'), method: 'POST', body: 'x' };
    const id = await submitted(job);
    const again = await server.call('POST', '/api/v1/jobs', { ...job, headers: { date: 'now' } });
    expect([again.status, again.json['job_id']]).toEqual([200, id]);
    expect(again.json['idempotent_key']).toMatch(/^[\w-]+$/);
  });

  test('says racing when several regions race for it', async () => {
    const job = { url: target.url('/race'), regions: ['iad', 'lax'] };
    const reply = await server.call('POST', '/api/v1/jobs', job);
    expect(reply.json['status']).toBe('racing');
  });

  test('understands both spellings at every depth, and names what it does not know', async () => {
    const reply = await server.call('POST', '/api/v1/jobs', {
      url: target.url('/camel'),
      idempotentKey: 'camel',
      colour: 'red',
      fallbackJob: {
        url: target.url('/fallback'),
        onSuccess: { url: target.url('/then'), size: 1 },
      },
    });
    expect([reply.status, reply.json['idempotent_key']]).toEqual([201, 'camel']);
    const { warnings } = reply.json;
    expect(
      Array.isArray(warnings) ? warnings.map((warning) => objectOf(warning)['path']) : [],
    ).toEqual(['colour', 'fallback_job.on_success.size']);
  });

  test('takes every key for what it is, also those that prototypes are made of', async () => {
    const keys = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const body = (more: string): string =>
      `{"url":"${target.url('/keys')}","metadata":${keys},${more}}`;
    const reply = await server.call(
      'POST',
      '/api/v1/jobs',
      body(
        '"__proto__":{"method":"PUT"},"constructor":1,"toString":2,"headers":{"__proto__":"sent"}',
      ),
    );
    expect(reply.status).toBe(201);
    expect(reply.json['warnings']).toEqual(
      ['__proto__', 'constructor', 'toString'].map((path) => ({
        path,
        message: 'is not known and was left out',
      })),
    );
    const id = textOf(reply.json['job_id']);
    expect((await ended(id))['method']).toBe('GET');
    const { text } = await server.call('GET', `/api/v1/jobs/${id}`);
    expect(text).toContain(`"metadata":${keys}`);
    const sent = target.requests.find(({ path }) => path === '/keys');
    expect(sent?.rawHeaders).toContain('__proto__');
    const batch = await server.call(
      'POST',
      '/api/v1/jobs/batch',
      `{"jobs":[${body('"tags":[]')}]}`,
    );
    expect(batch.json['results']).toMatchObject([{ status_code: 200, body: { job_id: id } }]);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('tells all that is wrong at once, each with its path', async () => {
    const reply = await server.call('POST', '/api/v1/jobs', {
      url: 'ftp://example.com',
      method: 'NO SPACE',
      webhooks: [{ url: 'https://ok.example' }, { has_quorum_vote: 'yes' }],
      webhook_quorum: -1,
      on_success: { fallback_job: { url: 3 } },
      retry_policy: { retryCodes: [1] },
    });
    expect(reply.status).toBe(400);
    expect(reply.json).toMatchObject({
      error: 'validation_failed',
      request_id: expect.any(String),
    });
    expect(pathsOf(reply.json)).toEqual([
      'method',
      'on_success.fallback_job.url',
      'on_success.url',
      'retry_policy.retry_codes[0]',
      'url',
      'webhook_quorum',
      'webhooks[1].has_quorum_vote',
      'webhooks[1].url',
    ]);
  });

  test('refuses a region that no header could carry, with its place', async () => {
    const reply = await server.call('POST', '/api/v1/jobs', {
      url: target.url('/region'),
      regions: ['iad', 'a\r\nX-Evil: 1'],
      webhooks: [{ url: target.url('/hook'), regions: ['  '] }],
    });
    expect(reply.status).toBe(400);
    expect(pathsOf(reply.json)).toEqual(['regions[1]', 'webhooks[0].regions[0]']);
    expect(reply.text).toContain('"expected":"text like ^[A-Za-z0-9][A-Za-z0-9._-]*$"');
  });

  test('refuses names that are not Unicode text, so that two never become one', async () => {
    const reply = await server.call(
      'POST',
      '/api/v1/jobs',
      `{"url":"${target.url('/text')}","idempotent_key":"\\ud800","user_id":"a\\udc00b",` +
        '"tags":["\\ud83d\\ude00","\\ud83d"]}',
    );
    expect(reply.status).toBe(400);
    expect(pathsOf(reply.json)).toEqual(['idempotent_key', 'tags[1]', 'user_id']);
  });

  test('changes nothing when it is refused: the key is still free', async () => {
    const job = { url: target.url('/free'), idempotent_key: 'free', priority: 1_000 };
    expect((await server.call('POST', '/api/v1/jobs', job)).status).toBe(400);
    expect((await server.call('POST', '/api/v1/jobs', { ...job, priority: 1 })).status).toBe(201);
  });
});

describe('looking at jobs', () => {
  test('accepts an id without dashes, and answers 404 for what is no id', async () => {
    const id = await submitted({ url: target.url('/id') });
    const plain = await server.call('GET', `/api/v1/jobs/${id.replaceAll('-', '')}`);
    expect([plain.status, plain.json['job_id']]).toEqual([200, id]);
    for (const wrong of [
      'nothing',
      '019a0c6e-8f2b-7c3d-9e4f-5a6b7c8d9e0f',
      '..%2f..%2fetc',
      '%00',
      'x'.repeat(600),
    ]) {
      const reply = await server.call('GET', `/api/v1/jobs/${wrong}`);
      expect([wrong, reply.status, reply.json['error']]).toEqual([wrong, 404, 'not_found']);
    }
  });

  test('lists them newest first, page by page, each once', async () => {
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      made.unshift(await submitted({ url: target.url(`/page/${n}`), tags: ['paged'] }));
    }
    const seen: unknown[] = [];
    let cursor = '';
    for (let page = 0; page < 3; page += 1) {
      const { json } = await server.call('GET', `/api/v1/jobs?tag=paged&limit=2${cursor}`);
      const { jobs, next_cursor: next } = json;
      seen.push(...(Array.isArray(jobs) ? jobs.map((job) => objectOf(job)['job_id']) : []));
      cursor = next === null ? '' : `&cursor=${textOf(next)}`;
    }
    expect(seen).toEqual(made);
    expect(cursor).toBe('');
  });

  test('filters by state, by status and by key', async () => {
    const later = Date.now() + 3_600_000;
    const id = await submitted({
      url: target.url('/later'),
      retry_at: later,
      idempotent_key: 'later',
    });
    for (const query of [
      'state=scheduled',
      'status=queued,racing&state=scheduled,failed',
      'idempotent_key=later',
    ]) {
      const reply = await server.call('GET', `/api/v1/jobs?${query}`);
      expect(reply.json['jobs']).toMatchObject([{ job_id: id, status: 'queued' }]);
    }
    const none = await server.call('GET', '/api/v1/jobs?state=scheduled&status=failed');
    expect(none.json).toEqual({ jobs: [], next_cursor: null });
  });

  test('refuses a query it does not understand, with all that is wrong', async () => {
    const path =
      '/api/v1/jobs?limit=0&cursor=zzz&state=x,failed&status=y&status=z&tag=a&tag=b&stat=z';
    const reply = await server.call('GET', path);
    expect(reply.status).toBe(400);
    expect(pathsOf(reply.json)).toEqual(['cursor', 'limit', 'stat', 'state', 'status', 'tag']);
  });
});

describe('cancelling a job', () => {
  test('ends one that waits, once', async () => {
    const retryAt = Date.now() + 3_600_000;
    const id = await submitted({ url: target.url('/cancel'), retry_at: retryAt });
    const first = await server.call('DELETE', `/api/v1/jobs/${id}`);
    expect([first.status, first.json]).toEqual([
      200,
      { job_id: id, status: 'cancelled', state: 'cancelled' },
    ]);
    const second = await server.call('DELETE', `/api/v1/jobs/${id}`);
    expect([second.status, second.json]).toEqual([200, first.json]);
    expect(await ended(id)).toMatchObject({ status: 'cancelled', state: 'cancelled' });
  });

  test('knows no job that is not there', async () => {
    const id = '019a0c6e-8f2b-7c3d-9e4f-5a6b7c8d9e0f';
    expect((await server.call('DELETE', `/api/v1/jobs/${id}`)).status).toBe(404);
  });
});

describe('webhook secrets', () => {
  const path = '/api/v1/webhook-secrets';

  test('are set, shown masked, rotated and deleted', async () => {
    const pair = { primary_secret: 'primary-secret-0001', secondary_secret: 'secondary-secret-2' };
    expect((await server.call('POST', path, pair)).json).toMatchObject({ status: 'ok' });
    expect((await server.call('GET', path)).json).toEqual({
      customer_id: expect.any(String),
      primary_secret: 'prim****0001',
      secondary_secret: 'seco****et-2',
      has_secondary: true,
    });
    const rotated = await server.call('POST', `${path}/rotate`, {
      new_secret: 'new-primary-secret-03',
    });
    expect(rotated.status).toBe(200);
    expect((await server.call('GET', path)).json).toMatchObject({
      primary_secret: 'new-****t-03',
      secondary_secret: 'prim****0001',
    });
    const alone = { primary_secret: 'primary-secret-0004', secondary_secret: null };
    expect((await server.call('POST', path, alone)).status).toBe(200);
    expect((await server.call('GET', path)).json).toMatchObject({
      primary_secret: 'prim****0004',
      secondary_secret: null,
      has_secondary: false,
    });
    expect((await server.call('DELETE', path)).json).toEqual({
      status: 'ok',
      message: 'Webhook secrets deleted',
    });
    expect((await server.call('GET', path)).status).toBe(404);
    const nothing = await server.call('POST', `${path}/rotate`, {
      new_secret: 'new-primary-secret-05',
    });
    expect(nothing.status).toBe(404);
  });

  test('that are too short are refused, both at once, and never repeated', async () => {
    const reply = await server.call('POST', path, {
      primary_secret: 'short-1',
      secondary_secret: 'short-2',
    });
    expect(reply.status).toBe(400);
    expect(pathsOf(reply.json)).toEqual(['primary_secret', 'secondary_secret']);
    expect(reply.text).not.toContain('short-');
  });
});

describe('every request', () => {
  test('needs a key, except for the health page; the refusal gives no hint', async () => {
    for (const authorization of ['', 'Bearer wrong', 'Basic eDp5', `Bearer ${server.apiKey}x`]) {
      const headers = authorization === '' ? {} : { authorization };
      const reply = await request(`${server.url}/api/v1/jobs`, 'GET', undefined, headers);
      expect(reply.status).toBe(401);
      expect(reply.json).toEqual({
        error: 'unauthorized',
        message: 'a valid API key is required',
        request_id: reply.headers.get('x-request-id'),
      });
    }
    const alias = { 'x-api-key': server.apiKey };
    expect((await request(`${server.url}/api/v1/jobs`, 'GET', undefined, alias)).status).toBe(200);
    const health = await request(`${server.url}/health`, 'GET');
    expect(health.json).toMatchObject({
      status: 'ok',
      version: expect.any(String),
      jobs: { pending: expect.any(Number) },
      admission: { enabled: true, max_body_bytes: 1_048_576, retry_after_seconds: 5 },
    });
  });

  test('has an id: its own when that is harmless, else a new one', async () => {
    const own = await server.call('GET', '/health', undefined, { 'x-request-id': 'my-request.1' });
    expect(own.headers.get('x-request-id')).toBe('my-request.1');
    const wild = await server.call('GET', '/nothing', undefined, { 'x-request-id': 'a b{}' });
    expect(wild.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
    expect(wild.json['request_id']).toBe(wild.headers.get('x-request-id'));
  });

  test('that is wrong is told so in one shape', async () => {
    const json = { 'content-type': 'application/json' };
    const jobs = '/api/v1/jobs';
    const cases: readonly [number, string, string, string, unknown, Record<string, string>][] = [
      [400, 'invalid_json', 'POST', jobs, '{"url":', json],
      [400, 'invalid_json', 'POST', jobs, '['.repeat(5_000) + ']'.repeat(5_000), json],
      [400, 'validation_failed', 'POST', jobs, '', json],
      [400, 'validation_failed', 'POST', jobs, 'null', json],
      [400, 'validation_failed', 'POST', jobs, '[]', json],
      [404, 'not_found', 'GET', '/nothing', undefined, {}],
      [404, 'not_found', 'GET', '/%zz', undefined, {}],
      [404, 'not_found', 'POST', '/api/v1/nothing', '{}', json],
      [405, 'method_not_allowed', 'PUT', jobs, '{"url":', json],
      [405, 'method_not_allowed', 'POST', '/health', 'x', { 'content-type': 'text/plain' }],
      [413, 'payload_too_large', 'POST', jobs, { body: 'x'.repeat(1_048_577) }, json],
      [415, 'unsupported_media_type', 'POST', jobs, 'url=x', { 'content-type': 'text/plain' }],
      [415, 'unsupported_media_type', 'POST', jobs, '{}', { ...json, 'content-encoding': 'gzip' }],
      [400, 'validation_failed', 'POST', jobs, '{}', { ...json, 'content-encoding': 'Identity' }],
    ];
    for (const [status, error, method, path, body, headers] of cases) {
      const reply = await server.call(method, path, body, headers);
      const shown = [method, path, String(body).slice(0, 20)];
      expect([...shown, reply.status, reply.json['error']]).toEqual([...shown, status, error]);
      expect(reply.json['request_id']).toBe(reply.headers.get('x-request-id'));
      expect(reply.json['message']).toEqual(expect.any(String));
    }
  });

  test('that is not HTTP, or far too long, is told so as well', async () => {
    const long = `GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`;
    for (const [bytes, status] of [
      ['GARBAGE\r\n\r\n', 400],
      [long, 431],
    ] as const) {
      const [head = '', body = ''] = (await spoken(bytes)).split('\r\n\r\n');
      expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      const id = /^x-request-id: ([\da-f-]{36})$/im.exec(head)?.[1];
      expect(id).toBeDefined();
      expect(JSON.parse(body)).toMatchObject({ error: 'validation_failed', request_id: id });
    }
    expect((await server.call('GET', '/health')).status).toBe(200);
  });

  test('with a method that is not answered learns which are', async () => {
    const reply = await server.call('PATCH', '/api/v1/webhook-secrets', {});
    expect(reply.headers.get('allow')?.split(', ').toSorted()).toEqual([
      'DELETE',
      'GET',
      'HEAD',
      'POST',
    ]);
  });
});
