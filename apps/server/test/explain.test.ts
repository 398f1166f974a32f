// What the API tells of a job that waits, runs, is being delivered or has ended, on a real server.

import type { JobExplanation } from '@ezthrottle/core/protocol';
import { ManagementClient } from '@ezthrottle/core/manage';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, textOf, until } from './running-server.ts';

let server: RunningServer;
let target: Upstream;
let management: ManagementClient;

beforeAll(async () => {
  target = await createUpstream();
  server = await startServer();
  management = new ManagementClient({ apiKey: server.apiKey, baseUrl: server.url });
});

afterAll(async () => {
  await management.close();
  await server.close();
  await target.close();
});

async function submit(job: Record<string, unknown>): Promise<string> {
  const key = crypto.randomUUID();
  const reply = await server.call('POST', '/api/v1/jobs', { idempotent_key: key, ...job });
  expect(reply.status).toBe(201);
  return textOf(reply.json['job_id']);
}

/** Asked over the documented route, so that the answer is held against its schema, and by the client. */
async function explain(id: string): Promise<JobExplanation> {
  const reply = await server.call('GET', `/api/v1/jobs/${id}/explain`);
  expect(reply.status).toBe(200);
  return await management.jobs.explain(id);
}

async function limit(key: string, settings: object): Promise<void> {
  const path = `/api/v1/limits/${encodeURIComponent(key)}`;
  expect((await server.call('PUT', path, settings)).status).toBeLessThan(300);
}

describe('why a job waits', () => {
  test('its place, whose calls go first, when it starts, and the rule to change', async () => {
    await limit('slow', { rate: 1, per_ms: 600 });
    // At once, so that none has its turn before all stand in line.
    const jobs = Array.from({ length: 8 }, (_, n) => ({
      url: target.url(`/place/${n}`),
      limits: ['slow'],
      user_id: n < 5 ? 'ann' : 'bob',
      idempotent_key: crypto.randomUUID(),
    }));
    const { json } = await server.call('POST', '/api/v1/jobs/batch', { jobs });
    const results: readonly unknown[] = Array.isArray(json['results']) ? json['results'] : [];
    const ids = results.map((result) => textOf(objectOf(objectOf(result)['body'])['job_id']));
    const last = await explain(ids.at(-1) ?? '');
    expect(last).toMatchObject({ phase: 'waiting', confidence: 'medium', running: [] });
    expect(last.position).toBeGreaterThanOrEqual(4);
    expect(last.ahead?.accounts.map(({ user_id }) => user_id).toSorted()).toEqual(['ann', 'bob']);
    expect(last.waits.at(-1)).toMatchObject({
      reason: 'turn',
      key: 'slow',
      until: last.estimated_start,
      change: { method: 'PATCH', path: '/api/v1/limits/slow', field: 'rate' },
    });
    expect(last.assumptions.length).toBeGreaterThan(1);

    await until(
      async () => target.requests,
      (all) => all.some(({ path }) => path === '/place/7'),
    );
    // Written down with its answer, a moment after the target got it.
    const view = await until(
      () => server.call('GET', `/api/v1/jobs/${ids.at(-1)}`),
      ({ json }) => json['started_at'] !== null,
    );
    const started = Number(view.json['started_at']);
    const foretold = last.estimated_start ?? Number.NaN;
    // A machine that is busy lets calls leave late, and those behind them keep their distance.
    const times = target.requests.filter(({ path }) => path.startsWith('/place/'));
    const late = times
      .slice(1)
      .reduce((sum, { at }, index) => sum + Math.max(0, at - (times[index]?.at ?? at) - 610), 0);
    const allowed = Math.max(620, (started - last.at) / 10) + late;
    expect(Math.abs(started - foretold)).toBeLessThanOrEqual(allowed);
  }, 30_000);

  test('a pause by hand, and what takes it back', async () => {
    await limit('held', { rate: 100, paused: true });
    const id = await submit({ url: target.url('/held'), limits: ['held'] });
    expect(await explain(id)).toMatchObject({
      phase: 'waiting',
      estimated_start: null,
      confidence: null,
      message: 'It waits: held is paused by hand.',
    });
    const { waits } = await explain(id);
    expect(waits.at(-1)).toMatchObject({
      reason: 'paused_by_hand',
      key: 'held',
      until: null,
      change: { method: 'PATCH', path: '/api/v1/limits/held', field: 'paused', value: true },
    });
  });

  test('a pause that the target asked for, until when', async () => {
    const other = await createUpstream({ status: 429, headers: { 'retry-after': '40' } });
    const id = await submit({ url: other.url('/refused') });
    await until(
      async () => explain(id),
      ({ waits }) => waits.some(({ reason }) => reason === 'retry'),
    );
    const { at, waits, estimated_start } = await explain(id);
    const key = `destination:${other.origin}`;
    const pause = waits.find(({ reason }) => reason === 'paused_by_target');
    expect(pause).toMatchObject({ key, change: null });
    expect((pause?.until ?? 0) - at).toBeGreaterThan(30_000);
    expect((estimated_start ?? 0) - at).toBeGreaterThan(30_000);
    await other.close();
  });

  test('a moment that it was submitted for', async () => {
    const later = Date.now() + 3_600_000;
    const id = await submit({ url: target.url('/later'), retry_at: later });
    const { waits, estimated_start, message } = await explain(id);
    expect(waits).toMatchObject([{ reason: 'not_before', key: null, until: later }]);
    expect(Math.abs((estimated_start ?? 0) - later)).toBeLessThan(2_000);
    expect(message).toBe('It waits: it was submitted for later.');
  });

  test('a slot, and the concurrency to raise, while the job that has it is running', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    target.route('/slot', async () => {
      await released;
      return { status: 200 };
    });
    await limit('one-at-a-time', { concurrency: 1 });
    const job = { url: target.url('/slot'), limits: ['one-at-a-time'] };
    const [first, second] = [await submit(job), await submit(job)];
    await until(
      async () => target.requests,
      (all) => all.some(({ path }) => path === '/slot'),
    );
    expect(await explain(first)).toMatchObject({
      phase: 'running',
      message: 'Attempt 1 is under way.',
      waits: [],
      running: [{ attempt: 1, path: 0 }],
    });
    const explained = await explain(second);
    expect(explained.waits).toContainEqual(
      expect.objectContaining({
        reason: 'concurrency',
        key: 'one-at-a-time',
        change: {
          method: 'PATCH',
          path: '/api/v1/limits/one-at-a-time',
          field: 'concurrency',
          value: 1,
        },
      }),
    );
    release();
  });

  test('a delivery that nobody has accepted yet, and an end', async () => {
    const endpoint = await createUpstream({ status: 500 });
    const done = await submit({ url: target.url('/done') });
    const delivered = await submit({
      url: target.url('/delivered'),
      webhooks: [{ url: endpoint.url('/hook') }],
    });
    await until(
      async () => explain(done),
      ({ phase }) => phase === 'ended',
    );
    expect(await explain(done)).toMatchObject({
      message: 'It ended as completed.',
      waits: [],
      position: null,
    });
    await until(
      async () => explain(delivered),
      ({ phase }) => phase === 'delivering',
    );
    expect(await explain(delivered)).toMatchObject({
      message: 'It ended as completed; one delivery has not been accepted yet.',
      deliveries: [{ state: 'pending', url: endpoint.url('/hook') }],
    });
    await endpoint.close();
  });

  test('nothing of a job that is not there', async () => {
    const unknown = '00000000-0000-7000-8000-000000000000';
    const reply = await server.call('GET', `/api/v1/jobs/${unknown}/explain`);
    expect(reply.status).toBe(404);
    await expect(management.jobs.explain(unknown)).rejects.toMatchObject({ code: 'not_found' });
  });
});
