import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  addOrganization,
  request,
  type RunningServer,
  startServer,
  textOf,
} from './running-server.ts';

const OTHER_KEY = 'the-other-organizations-key';
let server: RunningServer;
let id: string;

const other = (method: string, path: string, body?: unknown) =>
  request(`${server.url}${path}`, method, body, { authorization: `Bearer ${OTHER_KEY}` });

beforeAll(async () => {
  server = await startServer();
  await server.restart(() => addOrganization(server.folder, 'other', OTHER_KEY));
  const job = { url: 'http://127.0.0.1:9/', retry_at: Date.now() + 3_600_000, idempotent_key: 'k' };
  id = textOf((await server.call('POST', '/api/v1/jobs', job)).json['job_id']);
});

afterAll(async () => {
  await server.close();
});

test('a job of one organization is not there for another', async () => {
  for (const [method, path] of [
    ['GET', `/api/v1/jobs/${id}`],
    ['GET', `/api/v1/jobs/${id}/stream`],
    ['DELETE', `/api/v1/jobs/${id}`],
  ] as const) {
    expect([method, path, (await other(method, path)).status]).toEqual([method, path, 404]);
  }
  expect((await other('GET', '/api/v1/jobs')).json['jobs']).toEqual([]);
  expect((await server.call('GET', `/api/v1/jobs/${id}`)).status).toBe(200);
});

test('the same key in another organization is another job', async () => {
  const job = { url: 'http://127.0.0.1:9/', retry_at: Date.now() + 3_600_000, idempotent_key: 'k' };
  const reply = await other('POST', '/api/v1/jobs', job);
  expect(reply.status).toBe(201);
  expect(reply.json['job_id']).not.toBe(id);
});

test('signing secrets of one organization are not there for another', async () => {
  const before = (await server.call('GET', '/api/v1/webhook-secrets')).text;
  expect((await other('GET', '/api/v1/webhook-secrets')).status).toBe(404);
  await other('POST', '/api/v1/webhook-secrets', { primary_secret: 'of-the-other-organization' });
  await other('DELETE', '/api/v1/webhook-secrets');
  expect((await server.call('GET', '/api/v1/webhook-secrets')).text).toBe(before);
});
