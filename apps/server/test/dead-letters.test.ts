// Dead letters as an operator sees them over HTTP: found, looked at, edited, sent again.

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
const JOBS = '/api/v1/dead-letters/jobs';
const DELIVERIES = '/api/v1/dead-letters/deliveries';
let server: RunningServer;
let target: Upstream;
let hooks: Upstream;

beforeAll(async () => {
  target = await createUpstream({ status: 400 });
  hooks = await createUpstream({ status: 200 });
  server = await startServer({
    rate: [`${target.origin}=1000`],
    'delivery-delays': '0s,1s',
    'delivery-give-up': '1s',
  });
  await server.restart(() => addOrganization(server.folder, 'other', OTHER_KEY));
});

afterAll(async () => {
  await server.close();
  await Promise.all([target.close(), hooks.close()]);
});

const asOther = (method: string, path: string, body?: unknown): Promise<Reply> =>
  request(`${server.url}${path}`, method, body, { authorization: `Bearer ${OTHER_KEY}` });

function listOf(value: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new Error(`not a list: ${JSON.stringify(value)}`);
  return value.map(objectOf);
}

async function jobView(id: string): Promise<Record<string, unknown>> {
  return (await server.call('GET', `/api/v1/jobs/${id}`)).json;
}

async function ended(id: string): Promise<Record<string, unknown>> {
  return until(
    () => jobView(id),
    ({ ended_at }) => ended_at !== null,
  );
}

let submitted = 0;

/** A job that has ended, as a rule badly. */
async function endedJob(job: Record<string, unknown> = {}): Promise<string> {
  submitted += 1;
  const reply = await server.call('POST', '/api/v1/jobs', {
    url: target.url(`/fails?${submitted}`),
    idempotent_key: `job-${submitted}`,
    retry_policy: { max_retries: 0, max_reroutes: 0 },
    ...job,
  });
  const id = textOf(reply.json['job_id']);
  await ended(id);
  return id;
}

async function deadJobs(query: string): Promise<readonly unknown[]> {
  const reply = await server.call('GET', `${JOBS}?${query}`);
  expect([reply.status, reply.text]).toEqual([200, expect.any(String)]);
  return listOf(reply.json['jobs']).map(({ job_id }) => job_id);
}

async function replay(id: string, body: object = {}, headers = {}): Promise<Reply> {
  const said = { reason: 'well again', ...body };
  return server.call('POST', `${JOBS}/${id}/replay`, said, headers);
}

async function lastAct(): Promise<Record<string, unknown>> {
  const reply = await server.call('GET', '/api/v1/audit-log?limit=1');
  return objectOf(listOf(reply.json['entries'])[0]);
}

describe('dead jobs', () => {
  test('are listed with why they died, and found by each of their marks', async () => {
    const mine = await endedJob({ tags: ['orders'], user_id: 'ada' });
    const unreachable = await endedJob({ url: 'http://127.0.0.1:1/', tags: ['orders'] });
    const refused = await endedJob({ url: 'http://10.0.0.1/', tags: ['orders'] });
    const good = await endedJob({ url: hooks.url('/fine'), tags: ['orders'] });
    const list = (query: string) => deadJobs(`tag=orders&${query}`);

    expect(await list('')).toEqual([refused, unreachable, mine]);
    expect(await list('reason=target_refused')).toEqual([mine]);
    expect(await list('reason=target_unreachable,not_allowed')).toEqual([refused, unreachable]);
    expect(await list('user_id=ada')).toEqual([mine]);
    expect(await list(`destination=${encodeURIComponent(target.origin)}`)).toEqual([mine]);
    expect(await list('ended_before=1')).toEqual([]);
    expect(await list(`ended_from=${Date.now() + 60_000}`)).toEqual([]);
    expect(await deadJobs('limit=100')).not.toContain(good);

    const { json } = await server.call('GET', `${JOBS}?tag=orders&limit=1`);
    const next = await server.call(
      'GET',
      `${JOBS}?tag=orders&cursor=${String(json['next_cursor'])}`,
    );
    expect(listOf(next.json['jobs'])).toHaveLength(2);
    expect(next.json['next_cursor']).toBeNull();
  });

  test('have a whole history, and belong to one organization', async () => {
    const id = await endedJob({ retry_policy: { max_retries: 1, retry_codes: [400] } });
    const { json } = await server.call('GET', `${JOBS}/${id}`);
    expect(json).toMatchObject({
      job_id: id,
      reason: 'target_refused',
      error: 'status_400',
      redriven_as: null,
      attempts: [
        { attempt: 1, status_code: 400 },
        { attempt: 2, status_code: 400 },
      ],
    });
    expect((await asOther('GET', `${JOBS}/${id}`)).status).toBe(404);
    expect((await asOther('POST', `${JOBS}/${id}/replay`, { reason: 'mine' })).status).toBe(404);
    expect((await asOther('GET', JOBS)).json).toEqual({ jobs: [], next_cursor: null });
  });

  test('are sent again as a new job, once, however often it is asked for', async () => {
    const id = await endedJob();
    const reply = await replay(id, { reason: 'the bug is fixed' }, { 'X-EZThrottle-Actor': 'ada' });
    expect(reply.status).toBe(201);
    expect(reply.json).toMatchObject({ redrive_of: id, state: 'pending' });
    const again = await replay(id);
    expect(again.status).toBe(200);
    expect(again.json).toMatchObject({ job_id: reply.json['job_id'], duplicate: true });

    const newTry = await ended(textOf(reply.json['job_id']));
    expect(newTry).toMatchObject({
      redrive_of: id,
      state: 'failed',
      idempotent_key: `job-${submitted}`,
    });
    const { json: dead } = await server.call('GET', `${JOBS}/${id}`);
    expect(dead['redriven_as']).toEqual({ job_id: newTry['job_id'], state: 'failed' });
    expect(await lastAct()).toMatchObject({
      action: 'job.replay',
      target: id,
      actor: 'ada',
      reason: 'the bug is fixed',
      after: { job_id: newTry['job_id'], edited: [] },
    });
  });

  test('are sent once more when that is what is wished, and a lost answer does not double it', async () => {
    const id = await endedJob();
    const first = await replay(id);
    const key = { 'Idempotency-Key': 'wish-1' };
    const second = await replay(id, { again: true }, key);
    const repeated = await replay(id, { again: true }, key);
    expect([second.status, repeated.status]).toEqual([201, 200]);
    expect(repeated.json['job_id']).toBe(second.json['job_id']);
    expect(second.json['job_id']).not.toBe(first.json['job_id']);
  });

  test('are edited where they were wrong; the rest stays, and no value is told', async () => {
    const id = await endedJob({
      method: 'POST',
      body: 'old',
      headers: { Authorization: 'Bearer stale', 'X-Kept': 'yes', 'X-Gone': 'no' },
    });
    hooks.route('/moved', { status: 200 });
    const edit = {
      url: hooks.url('/moved'),
      headers: { authorization: 'Bearer fresh', 'X-Gone': '' },
      body: 'new',
    };
    const reply = await replay(id, { edit });
    expect(await ended(textOf(reply.json['job_id']))).toMatchObject({ state: 'completed' });
    const sent = hooks.requests.find(({ path }) => path === '/moved');
    expect(sent).toMatchObject({ method: 'POST', body: 'new' });
    expect(sent?.headers).toMatchObject({ authorization: 'Bearer fresh', 'x-kept': 'yes' });
    expect(sent?.headers).not.toHaveProperty('x-gone');
    const { after } = await lastAct();
    expect(objectOf(after)['edited']).toEqual(['url', 'headers', 'body']);
  });

  test('that may not start any more are refused until that is edited', async () => {
    const last = Date.now() + 300;
    const id = await endedJob({ execute_before: last });
    await until(
      async () => Date.now(),
      (now) => now >= last,
    );
    const refused = await replay(id);
    expect(refused.status).toBe(409);
    expect(refused.json['message']).toContain('execute_before');
    expect((await replay(id, { edit: { execute_before: 0 } })).status).toBe(201);
  });

  test('are not sent again by whoever does not say why', async () => {
    const id = await endedJob();
    const path = `${JOBS}/${id}/replay`;
    for (const body of [undefined, {}, { reason: '  ' }]) {
      const refused = await server.call('POST', path, body);
      expect([refused.status, refused.json['problems']]).toEqual([
        400,
        [{ path: 'reason', message: 'is missing', expected: expect.any(String) }],
      ]);
    }
    for (const reason of ['\0', 'fine\nan act that was none', 'red \u001b[31m', 'half \ud800']) {
      const inBody = await server.call('POST', path, { reason });
      expect([reason, inBody.status, inBody.json['problems']]).toEqual([
        reason,
        400,
        [
          {
            path: 'reason',
            message: 'is not a text that can be noted',
            expected: expect.any(String),
          },
        ],
      ]);
    }
    const said = { 'X-EZThrottle-Reason': 'for%20the%20caf%C3%A9' };
    expect((await server.call('POST', path, undefined, said)).status).toBe(201);
    expect(await lastAct()).toMatchObject({ target: id, reason: 'for the café' });
  });

  test('and what is wrong with a replay: all of it is told', async () => {
    const id = await endedJob();
    const wrong = await replay(id, { edit: { url: 'nonsense', method: 'a b' } });
    expect(wrong.status).toBe(400);
    expect(listOf(wrong.json['problems']).map(({ path }) => path)).toEqual([
      'edit.url',
      'edit.method',
    ]);
    const kinds = { url: 'ftp://x', method: 'TRACE', headers: { 'bad header': 'x' }, body: 5 };
    const both = await replay(id, { edit: { ...kinds, nope: 1 }, nope: 1 });
    expect(listOf(both.json['problems']).map(({ path }) => path)).toEqual(
      expect.arrayContaining(['nope', 'edit.nope', 'edit.body', 'edit.url', 'edit.method']),
    );
    expect(both.text).toContain('bad header');
    expect((await replay(id, { reason: '' })).status).toBe(400);
    const good = await endedJob({ url: hooks.url('/fine-too') });
    const alive = await replay(good);
    expect([alive.status, alive.json['state']]).toEqual([409, 'completed']);
    expect((await replay('00000000-0000-7000-8000-000000000000')).status).toBe(404);
    const query = await server.call('GET', `${JOBS}?reason=gone&limit=1`);
    expect(query.json['problems']).toMatchObject([{ path: 'reason' }]);
  });
});

describe('dead deliveries', () => {
  async function deadDelivery(path: string): Promise<Record<string, unknown>> {
    hooks.route(path, { status: 500 });
    const id = await endedJob({ webhooks: [{ url: hooks.url(path) }], tags: ['hook'] });
    const job = await until(
      () => jobView(id),
      ({ deliveries }) => listOf(deliveries)[0]?.['state'] === 'dead',
    );
    return objectOf(listOf(job['deliveries'])[0]);
  }

  const show = async (id: unknown): Promise<Record<string, unknown>> =>
    (await server.call('GET', `${DELIVERIES}/${String(id)}`)).json;

  test('are listed, replayed under their own id, and remembered with every attempt', async () => {
    const { delivery_id: id } = await deadDelivery('/hook-1');
    const { json } = await server.call('GET', `${DELIVERIES}?tag=hook&reason=gave_up`);
    expect(listOf(json['deliveries'])).toMatchObject([
      { delivery_id: id, state: 'dead', dead_reason: 'gave_up', tags: ['hook'] },
    ]);
    const before = await show(id);
    hooks.route('/hook-1', { status: 200 });
    const key = { 'Idempotency-Key': 'one' };
    const path = `${DELIVERIES}/${String(id)}/replay`;
    const reply = await server.call('POST', path, { reason: 'it is back' }, key);
    expect(reply.status).toBe(202);
    const after = await until(
      () => show(id),
      ({ state }) => state === 'delivered',
    );
    const { history } = after;
    expect(listOf(history)).toHaveLength(listOf(before['history']).length + 1);
    expect(listOf(history).at(-1)).toMatchObject({ status_code: 200 });
    const sent = hooks.requests.filter((each) => each.path === '/hook-1');
    const ids = sent.map(({ body }) => objectOf(JSON.parse(body))['delivery_id']);
    expect(new Set(ids)).toEqual(new Set([id]));
    expect(await lastAct()).toMatchObject({ action: 'delivery.replay', reason: 'it is back' });
    const repeated = await server.call('POST', path, { reason: 'it is back' }, key);
    expect(repeated.status).toBe(200);
    expect((await asOther('GET', `${DELIVERIES}/${String(id)}`)).status).toBe(404);
  });

  test('go out as new ones, elsewhere if need be, each wish once', async () => {
    const { delivery_id: id } = await deadDelivery('/hook-2');
    hooks.route('/hook-2-moved', { status: 200 });
    const body = { reason: 'anew', as_new: true, url: hooks.url('/hook-2-moved') };
    const path = `${DELIVERIES}/${String(id)}/replay`;
    const reply = await server.call('POST', path, body);
    expect(reply.status).toBe(202);
    const copy = reply.json['delivery_id'];
    expect(copy).not.toBe(id);
    await until(
      () => show(copy),
      ({ state }) => state === 'delivered',
    );
    const again = await server.call('POST', path, body);
    expect([again.status, again.json['delivery_id']]).toEqual([200, copy]);
    expect([reply.json['duplicate'], again.json['duplicate']]).toEqual([undefined, true]);
    expect(again.json['mismatch']).toBeUndefined();
    const elsewhere = await server.call('POST', path, { ...body, url: hooks.url('/hook-2-other') });
    expect(elsewhere.json).toMatchObject({ delivery_id: copy, duplicate: true, mismatch: true });
    const sent = hooks.requests.filter((each) => each.path === '/hook-2-moved');
    expect(sent.map((each) => objectOf(JSON.parse(each.body))['delivery_id'])).toEqual([copy]);
    expect(await show(id)).toMatchObject({ state: 'dead' });
  });

  test('of an endpoint that is disabled are not sent before it is enabled', async () => {
    hooks.route('/hook-3', { status: 410 });
    const job = await endedJob({ webhooks: [{ url: hooks.url('/hook-3') }] });
    const view = await until(
      () => jobView(job),
      ({ deliveries }) => listOf(deliveries)[0]?.['state'] === 'dead',
    );
    const id = String(listOf(view['deliveries'])[0]?.['delivery_id']);
    const refused = await server.call('POST', `${DELIVERIES}/${id}/replay`, {
      reason: 'well again',
    });
    expect(refused.status).toBe(409);
    const endpoint = String(refused.json['endpoint_id']);
    await server.call('POST', `/api/v1/webhook-endpoints/${endpoint}/enable`);
    hooks.route('/hook-3', { status: 200 });
    const reason = { 'X-EZThrottle-Reason': 'well%20again' };
    const sent = await server.call('POST', `${DELIVERIES}/${id}/replay`, undefined, reason);
    expect(sent.status).toBe(202);
    await until(
      () => show(id),
      ({ state }) => state === 'delivered',
    );
  });
});

test('failures of targets and endpoints are no server errors', async () => {
  const health = await server.call('GET', '/health');
  expect(health.status).toBe(200);
  expect(await deadJobs('reason=engine_failure')).toEqual([]);
});
