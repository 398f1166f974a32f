import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  objectOf,
  type Reply,
  type RunningServer,
  startServer,
  textOf,
  until,
} from './running-server.ts';

let server: RunningServer;
let target: Upstream;

beforeEach(async () => {
  target = await createUpstream({
    headers: { 'x-session': 'session-of-ada-0123' },
    body: { card: { number: 'card-of-ada-4242' }, total: 7 },
  });
  server = await startServer({ rate: [`${target.origin}=1000`] });
});

afterEach(async () => {
  await server.close();
  await target.close();
});

async function submitted(job: Record<string, unknown>): Promise<string> {
  const reply = await server.call('POST', '/api/v1/jobs', { url: target.url('/'), ...job });
  expect(reply.status).toBe(201);
  return textOf(reply.json['job_id']);
}

function ended(id: string): Promise<Record<string, unknown>> {
  return until(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json,
    (job) => job['ended_at'] !== null,
  );
}

/** Every byte that the stopped server has left on disk. */
function bytesOnDisk(): string {
  return readdirSync(server.folder)
    .map((file) => readFileSync(join(server.folder, file), 'latin1'))
    .join('\n');
}

describe('redaction', () => {
  test('takes named headers and paths out of an answer before it is stored', async () => {
    const rules = { response_headers: ['X-Session'], response_paths: ['$..number'] };
    const put = await server.call('PUT', '/api/v1/settings/redaction', rules);
    expect(put.json).toMatchObject({ response_headers: ['x-session'], request_paths: [] });
    const job = await ended(await submitted({ idempotent_key: 'a' }));
    const response = objectOf(objectOf(job['result'])['response']);
    expect(response['body']).toBe('{"card":{"number":"[redacted]"},"total":7}');
    expect(objectOf(response['headers'])['x-session']).toBe('[redacted]');
    await server.restart(async () => {
      expect(bytesOnDisk()).not.toMatch(/of-ada/);
    });
    expect((await server.call('GET', '/api/v1/settings/redaction')).json).toEqual(put.json);
  });

  test('keeps no body of which it cannot tell what is in it', async () => {
    const rules = { response_paths: ['$.card'] };
    await server.call('PUT', '/api/v1/settings/redaction', rules);
    target.route('/broken', { body: '{"card":"card-of-ada-4242' });
    const job = await ended(await submitted({ url: target.url('/broken') }));
    expect(objectOf(objectOf(job['result'])['response'])).toMatchObject({
      body: '[redacted]',
      truncated: true,
    });
  });

  test('keeps no JSON in letters that it does not read, and decodes what was sent in base64', async () => {
    const rules = { response_paths: ['$.card'], request_paths: ['$.card'] };
    await server.call('PUT', '/api/v1/settings/redaction', rules);
    const latin = Buffer.from('{"card":"card-of-ada-4242","name":"Jos\xe9"}', 'latin1');
    target.route('/latin', { body: latin });
    const id = await submitted({
      url: target.url('/latin'),
      method: 'POST',
      body: Buffer.from('{"card":"4242-of-ada","total":1}').toString('base64'),
      body_encoding: 'base64',
    });
    const response = objectOf(objectOf((await ended(id))['result'])['response']);
    expect(response).toMatchObject({ body: '[redacted]', truncated: true });
    await until(
      async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json,
      (job) => Array.isArray(job['erased']),
    );
    await server.restart(async () => {
      const encoded = Buffer.from('4242-of-ada').toString('base64').slice(0, 12);
      expect(bytesOnDisk()).not.toMatch(/of-ada/);
      expect(bytesOnDisk()).not.toContain(encoded);
      expect(bytesOnDisk()).not.toContain(latin.toString('base64').slice(0, 40));
    });
  });

  test('leaves a dead job whole that has nothing of it, so that it can be sent again', async () => {
    const rules = { request_headers: ['authorization'], request_paths: ['$.a'] };
    await server.call('PUT', '/api/v1/settings/redaction', rules);
    target.route('/dead', { status: 400 });
    const job = { url: target.url('/dead'), method: 'POST', max_retries: 0 };
    const whole = await submitted({ ...job, body: '{"b":1}' });
    const part = await submitted({ ...job, body: '{"a":1}' });
    for (const id of [whole, part]) await ended(id);
    await until(
      async () => (await server.call('GET', `/api/v1/jobs/${part}`)).json,
      ({ erased }) => Array.isArray(erased),
    );
    expect((await server.call('GET', `/api/v1/jobs/${whole}`)).json['erased']).toBeUndefined();
    const again = (id: string): Promise<Reply> =>
      server.call('POST', `/api/v1/dead-letters/jobs/${id}/replay`, { reason: 'again' });
    expect((await again(whole)).status).toBe(201);
    expect((await again(part)).status).toBe(409);
  });

  test('takes them out of a request once its job has ended, and the bytes with them', async () => {
    const rules = { request_headers: ['authorization'], request_paths: ['$.card'] };
    await server.call('PUT', '/api/v1/settings/redaction', rules);
    const id = await submitted({
      method: 'POST',
      headers: { Authorization: 'token-of-ada' },
      body: '{"card":"4242-of-ada"}',
    });
    await ended(id);
    expect(target.requests[0]).toMatchObject({
      body: '{"card":"4242-of-ada"}',
      headers: { authorization: 'token-of-ada' },
    });
    await until(
      async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json,
      (job) => Array.isArray(job['erased']),
    );
    await server.restart(async () => {
      expect(bytesOnDisk()).not.toMatch(/(token|4242)-of-ada/);
    });
  });

  test('that nobody can mean is refused with every place', async () => {
    const reply = await server.call('PUT', '/api/v1/settings/redaction', {
      response_headers: ['not a header'],
      request_paths: ['card', '$.a[?(@.b)]'],
    });
    expect(reply.status).toBe(400);
    const { problems } = reply.json;
    const paths = Array.isArray(problems) ? problems.map((one) => objectOf(one)['path']) : [];
    expect(paths).toEqual(['response_headers[0]', 'request_paths[0]', 'request_paths[1]']);
  });

  test('and retention tell all that is wrong, of whichever kind', async () => {
    const told = async (path: string, body: unknown): Promise<unknown> =>
      (await server.call('PUT', `/api/v1/settings/${path}`, body)).json['problems'];
    expect(
      await told('redaction', { response_headers: 5, response_paths: ['no path'], more: 1 }),
    ).toMatchObject([
      { path: 'more' },
      { path: 'response_headers' },
      { path: 'response_paths[0]' },
    ]);
    expect(await told('retention', { jobs_ms: 691_200_000, zz: 1 })).toMatchObject([
      { path: 'zz' },
      { path: 'jobs_ms' },
    ]);
  });

  test('and retention refuse a field that they do not know, instead of keeping what it names', async () => {
    const settings = { redaction: { paths: ['$.card'] }, retention: { body_ms: 60_000 } };
    for (const [name, body] of Object.entries(settings)) {
      const path = `/api/v1/settings/${name}`;
      const before = await server.call('GET', path);
      const reply = await server.call('PUT', path, body);
      expect(reply.status).toBe(400);
      expect(reply.json['problems']).toMatchObject([{ path: Object.keys(body)[0] }]);
      expect((await server.call('GET', path)).json).toEqual(before.json);
    }
  });
});

describe('retention', () => {
  test('is what the server has until it is set, and never longer', async () => {
    const { json } = await server.call('GET', '/api/v1/settings/retention');
    const longest = Number(json['longest_ms']);
    expect(json).toEqual({
      jobs_ms: longest,
      bodies_ms: longest,
      headers_ms: longest,
      attempts_ms: longest,
      longest_ms: longest,
    });
    const path = '/api/v1/settings/retention';
    const put = await server.call('PUT', path, { jobs_ms: 86_400_000, bodies_ms: 3_600_000 });
    expect(put.json).toMatchObject({
      jobs_ms: 86_400_000,
      bodies_ms: 3_600_000,
      headers_ms: 86_400_000,
    });
    expect((await server.call('PUT', path, { jobs_ms: longest + 1 })).status).toBe(400);
    expect((await server.call('PUT', path, { bodies_ms: 1 })).status).toBe(400);
    const log = await server.call('GET', '/api/v1/audit-log');
    expect(log.text).toContain('retention.put');
  });
});

describe("the deletion of an account's data", () => {
  test('cancels what lives, removes what is stored, and leaves other accounts alone', async () => {
    const path = '/api/v1/accounts/ada/data';
    expect((await server.call('GET', path)).status).toBe(404);
    const done = await submitted({ user_id: 'ada', metadata: { name: 'name-of-ada' } });
    const bob = await submitted({ user_id: 'bob', idempotent_key: 'bob' });
    const live = await submitted({
      user_id: 'ada',
      retry_at: Date.now() + 3_600_000,
      webhooks: [{ url: 'http://127.0.0.1:9/' }],
      idempotent_key: 'key-of-ada',
    });
    await ended(done);
    await ended(bob);
    const asked = await server.call('DELETE', path);
    expect([asked.status, asked.json['status']]).toEqual([202, 'running']);
    const over = await until(
      async () => (await server.call('GET', path)).json,
      ({ status }) => status === 'done',
    );
    expect(over).toMatchObject({ user_id: 'ada', removed: 2, is_more_left: false });
    for (const id of [done, live]) {
      expect((await server.call('GET', `/api/v1/jobs/${id}`)).status).toBe(404);
    }
    expect((await server.call('GET', `/api/v1/jobs/${bob}`)).status).toBe(200);
    await server.restart(async () => {
      expect(bytesOnDisk()).not.toMatch(/(name|key)-of-ada/);
    });
    const again = await submitted({ user_id: 'ada', idempotent_key: 'key-of-ada' });
    expect(await ended(again)).toMatchObject({ state: 'completed' });
  });
});

test.each([['while it runs'], ['at rest']])(
  'nothing of a deleted account is left in the bytes on disk %s, where rows were moved or pages became free',
  { timeout: 60_000 },
  async (when) => {
    for (let at = 0; at < 100; at += 1) {
      await submitted({
        url: target.url(`/${at}`),
        user_id: at % 4 === 0 ? 'bob' : 'ada',
        method: 'POST',
        body: (at % 4 === 0 ? 'kept-of-bob' : 'body-of-ada').repeat(at % 3 === 0 ? 2_000 : 1),
        metadata: { about: at % 4 === 0 ? 'bob' : 'metadata-of-ada' },
        on_success: { url: target.url(`/after/${at}`), method: 'POST' },
      });
    }
    await until(
      async () => target.requests.length,
      (count) => count === 200,
    );
    const path = '/api/v1/accounts/ada/data';
    await server.call('DELETE', path);
    await until(
      async () => (await server.call('GET', path)).json['status'],
      (status) => status === 'done',
    );
    const isLeft = async (): Promise<boolean> => /(body|metadata)-of-ada/.test(bytesOnDisk());
    if (when === 'at rest') {
      await server.restart(async () => expect(await isLeft()).toBe(false));
    } else await until(isLeft, (left) => !left);
    expect(bytesOnDisk()).toContain('kept-of-bob');
  },
);

test('what is sent again while its account is deleted goes with it', async () => {
  target.route('/broken', { status: 400 });
  const path = '/api/v1/accounts/ada/data';
  const dead = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      submitted({
        url: target.url('/broken'),
        user_id: 'ada',
        idempotent_key: `dead-${index}`,
        retry_policy: { max_retries: 0, max_reroutes: 0 },
      }),
    ),
  );
  for (const id of dead) await ended(id);
  const replay = (id: string): Promise<Reply> =>
    server.call('POST', `/api/v1/dead-letters/jobs/${id}/replay`, {
      reason: 'once more',
      edit: { execute_before: Date.now() + 3_600_000 },
    });
  const before = dead.slice(0, 20).map(replay);
  const deletion = server.call('DELETE', path);
  const answers = await Promise.all([...before, ...dead.slice(20).map(replay)]);
  expect((await deletion).status).toBe(202);
  const statuses = new Set(answers.map(({ status }) => status));
  expect([...statuses].every((status) => [201, 404, 409].includes(status))).toBe(true);
  await until(
    async () => (await server.call('GET', path)).json,
    ({ status }) => status === 'done',
  );
  for (const { status, json } of answers) {
    if (status !== 201) continue;
    const job = await server.call('GET', `/api/v1/jobs/${textOf(json['job_id'])}`);
    expect(job.status).toBe(404);
  }
});

test('nobody is no account: jobs without one are not deleted', async () => {
  const id = await submitted({});
  await ended(id);
  expect((await server.call('DELETE', '/api/v1/accounts//data')).status).toBe(404);
  expect((await server.call('GET', '/api/v1/accounts//data')).status).toBe(404);
  const log = await server.call('GET', '/api/v1/audit-log');
  expect([log.json['entries'], (await ended(id))['job_id']]).toEqual([[], id]);
});
