import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RunningServer, startServer, textOf, until } from './running-server.ts';

const HEADERS = { 'X-EZThrottle-Rps': '500' };
let upstream: Upstream;
let folder: string;
let server: RunningServer | undefined;

beforeEach(async () => {
  upstream = await createUpstream({ headers: HEADERS });
  folder = mkdtempSync(join(tmpdir(), 'ezthrottle-hooks-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
  Reflect.deleteProperty(globalThis, 'toldByHooks');
});

/** A module whose hooks note what they were told. */
function moduleOf(code: string): string {
  const file = join(folder, 'my-hooks.mjs');
  writeFileSync(file, code);
  return file;
}

async function run(target: RunningServer, job: object): Promise<string> {
  const submitted = await target.call('POST', '/api/v1/jobs', job);
  expect(submitted.status).toBe(201);
  const id = textOf(submitted.json['job_id']);
  const { json } = await until(
    () => target.call('GET', `/api/v1/jobs/${id}`),
    (answer) => answer.json['state'] === 'completed' || answer.json['state'] === 'failed',
  );
  return textOf(json['state']);
}

const NOTING = `
const told = [];
globalThis.toldByHooks = told;
const noting = (name) => (...given) => { told.push([name, ...given]); };
export const job_queued = noting('job_queued');
export const job_dispatched = noting('job_dispatched');
export const job_completed = noting('job_completed');
export const job_failed = noting('job_failed');
export const webhook_delivered = noting('webhook_delivered');
export const webhook_failed = noting('webhook_failed');
export const queue_depth = noting('queue_depth');
export const flow_rate = noting('flow_rate');
`;

function told(): readonly (readonly unknown[])[] {
  const noted: unknown = Reflect.get(globalThis, 'toldByHooks');
  if (!Array.isArray(noted)) throw new Error('nothing was told');
  return noted;
}

describe('lifecycle hooks', () => {
  test('are told of all that happens to jobs and webhooks, with who and where', async () => {
    upstream.route('/fails', { status: 404, headers: HEADERS });
    upstream.route('/gone', { status: 410, headers: HEADERS });
    server = await startServer({ hooks: moduleOf(NOTING) });
    const { origin } = upstream;
    const good = { url: `${origin}/works`, user_id: 'ann' };
    expect(await run(server, { ...good, webhooks: [{ url: `${origin}/hook?k=1` }] })).toBe(
      'completed',
    );
    const bad = { url: `${origin}/fails`, user_id: 'bob' };
    expect(await run(server, { ...bad, webhooks: [{ url: `${origin}/gone` }] })).toBe('failed');
    await vi.waitFor(() => {
      const names = new Set(told().map(([name]) => name));
      expect(names.size).toBe(8);
    }, 10_000);
    expect(told()).toContainEqual(['job_queued', 'ann', origin]);
    expect(told()).toContainEqual(['job_dispatched', 'ann', origin]);
    expect(told()).toContainEqual(['job_completed', 'ann', origin, expect.any(Number)]);
    expect(told()).toContainEqual(['job_failed', 'bob', origin, expect.stringContaining('404')]);
    expect(told()).toContainEqual(['webhook_delivered', `${origin}/hook`, 1]);
    expect(told()).toContainEqual(['webhook_failed', `${origin}/gone`, 1]);
    expect(told()).toContainEqual(['queue_depth', origin, 0]);
    expect(told()).toContainEqual(['flow_rate', origin, 500]);
  });

  test('may throw, reject and be missing: the job goes on', async () => {
    const file = moduleOf(`export default {
      job_queued() { throw new Error('broken'); },
      async job_dispatched() { throw new Error('broken later'); },
    };`);
    server = await startServer({ hooks: file });
    expect(await run(server, { url: `${upstream.origin}/works` })).toBe('completed');
  });

  test.each([
    ['export const job_qeued = () => undefined;', /exports none of job_queued/],
    ['export const job_queued = 1;', /no functions: job_queued/],
    ['throw new Error("at once");', /cannot be loaded: at once/],
  ])('that cannot be used keep the server from starting: %s', async (code, reason) => {
    await expect(startServer({ hooks: moduleOf(code) })).rejects.toThrow(reason);
  });
});
