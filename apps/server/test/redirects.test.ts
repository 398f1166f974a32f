import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, textOf, until } from './running-server.ts';

let server: RunningServer;
let target: Upstream;
let other: Upstream;

beforeAll(async () => {
  target = await createUpstream();
  other = await createUpstream();
  server = await startServer({ rate: [`${target.origin}=1000`, `${other.origin}=4`] });
});

beforeEach(() => {
  target.clear();
  other.clear();
});

afterAll(async () => {
  await server.close();
  await target.close();
  await other.close();
});

async function ended(job: object): Promise<Record<string, unknown>> {
  const { json } = await server.call('POST', '/api/v1/jobs', {
    idempotent_key: crypto.randomUUID(),
    retry_policy: { max_retries: 0, max_reroutes: 0 },
    ...job,
  });
  const view = async (): Promise<Record<string, unknown>> =>
    (await server.call('GET', `/api/v1/jobs/${textOf(json['job_id'])}`)).json;
  return until(view, ({ ended_at }) => ended_at !== null);
}

const attemptsOf = (job: Record<string, unknown>): readonly unknown[] =>
  Array.isArray(job['attempts']) ? job['attempts'].map((one) => objectOf(one)) : [];

describe('a job that follows redirects', () => {
  test('goes on where it is sent to, with each hop an attempt that can be seen', async () => {
    target.route('/old', { status: 307, headers: { location: other.url('/new?a=1') } });
    other.route('/new', { status: 201, body: 'there' });
    const job = await ended({
      url: target.url('/old'),
      method: 'POST',
      body: 'hello',
      headers: { Authorization: 'Bearer mine', 'X-Own': 'kept' },
      follow_redirects: 1,
    });
    expect(job['state']).toBe('completed');
    expect(objectOf(objectOf(job['result'])['response'])).toMatchObject({ body: 'there' });
    expect(attemptsOf(job)).toMatchObject([
      { attempt: 1, url: target.url('/old'), status_code: 307 },
      { attempt: 2, url: other.url('/new?a=1'), status_code: 201 },
    ]);
    const [sent] = other.requests;
    expect(sent).toMatchObject({ method: 'POST', body: 'hello', headers: { 'x-own': 'kept' } });
    expect(sent?.headers).not.toHaveProperty('authorization');
    expect(target.requests[0]?.headers['authorization']).toBe('Bearer mine');
  });

  test.each([
    ['watched while it does', true],
    ['watched afterwards', false],
  ])('is no retry to who watches it: %s', async (_, isLive) => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    target.route('/seen', async () => {
      await released;
      return { status: 302, headers: { location: other.url('/seen-there') } };
    });
    other.route('/seen-there', { status: 200 });
    if (!isLive) release();
    const job = { url: target.url('/seen'), follow_redirects: 1, idempotent_key: `${isLive}` };
    const { json } = await server.call('POST', '/api/v1/jobs', job);
    const id = textOf(json['job_id']);
    const view = (): Promise<Record<string, unknown>> =>
      server.call('GET', `/api/v1/jobs/${id}`).then((reply) => reply.json);
    if (!isLive) await until(view, ({ ended_at }) => ended_at !== null);
    const stream = await fetch(`${server.url}/api/v1/jobs/${id}/stream`, {
      headers: { authorization: `Bearer ${server.apiKey}` },
    });
    release();
    const events = [...(await stream.text()).matchAll(/^event: (.+)$/gm)].map(([, type]) => type);
    const numbered = events.filter((type) => type !== 'waiting' && type !== 'position');
    expect(numbered).toEqual(['queued', 'dispatching', 'dispatching', 'completed']);
  });

  test('waits for its turn at the destination to which it is sent', async () => {
    target.route('/many', { status: 302, headers: { location: other.url('/paced') } });
    other.route('/paced', { status: 200 });
    const jobs = Array.from({ length: 6 }, () =>
      ended({ url: target.url('/many'), follow_redirects: 1 }),
    );
    for (const job of await Promise.all(jobs)) expect(job['state']).toBe('completed');
    const times = other.requests.map(({ monotonicAt }) => monotonicAt).toSorted((a, b) => a - b);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900);
    expect(target.requests).toHaveLength(6);
  });

  test('ends with the redirect when there are more of them than it follows', async () => {
    target.route('/round', { status: 302, headers: { location: '/round' } });
    const job = await ended({ url: target.url('/round'), follow_redirects: 5 });
    expect(job['state']).toBe('failed');
    expect(objectOf(job['result'])['error']).toBe('status_302');
    expect(target.requests).toHaveLength(6);
  });

  test('brings a secret back to its own origin, and to no other', async () => {
    const secret = { value: 'the-value-of-the-secret', origins: ['*'] };
    await server.call('PUT', '/api/v1/secrets/HOPPING', secret);
    target.route('/start', { status: 302, headers: { location: '/inside' } });
    target.route('/inside', { status: 302, headers: { location: other.url('/outside') } });
    other.route('/outside', { status: 200 });
    const headers = { 'X-Key': '{{secret.HOPPING}}' };
    const job = await ended({ url: target.url('/start'), headers, follow_redirects: 2 });
    expect(job['state']).toBe('completed');
    const keys = [...target.requests, ...other.requests].map((one) => one.headers['x-key']);
    expect(keys).toEqual([secret.value, secret.value, undefined]);
  });

  test('goes by headers that are not to be shown', async () => {
    const redaction = { response_headers: ['location', 'retry-after'] };
    await server.call('PUT', '/api/v1/settings/redaction', redaction);
    target.route('/hidden', { status: 302, headers: { location: other.url('/busy') } });
    let calls = 0;
    other.route('/busy', () => {
      calls += 1;
      return calls === 1 ? { status: 429, headers: { 'retry-after': '1' } } : { status: 200 };
    });
    const job = await ended({ url: target.url('/hidden'), follow_redirects: 1 });
    expect(job['state']).toBe('completed');
    expect(attemptsOf(job).at(-1)).toMatchObject({ attempt: 3, url: other.url('/busy') });
    const unfollowed = await ended({ url: target.url('/hidden') });
    const { headers } = objectOf(objectOf(unfollowed['result'])['response']);
    expect(headers).toMatchObject({ location: '[redacted]' });
    await server.call('PUT', '/api/v1/settings/redaction', { response_headers: [] });
  });

  test('goes on with its hops after a restart', async () => {
    target.route('/slow', { status: 302, headers: { location: other.url('/after') } });
    other.route('/after', { status: 200 });
    await server.call('PUT', '/api/v1/limits/hops', { rate: 1, per_ms: 1_500 });
    const job = { url: target.url('/slow'), limits: ['hops'], follow_redirects: 1 };
    const { json } = await server.call('POST', '/api/v1/jobs', job);
    await target.waitFor(1);
    await server.restart();
    await other.waitFor(1, 10_000);
    expect(target.requests).toHaveLength(1);
    const view = await until(
      () => server.call('GET', `/api/v1/jobs/${textOf(json['job_id'])}`),
      (reply) => reply.json['ended_at'] !== null,
    );
    expect(view.json['state']).toBe('completed');
  });

  test('is refused with a number of them that is none', async () => {
    for (const follow_redirects of [-1, 6, 1.5, 'all']) {
      const job = { url: target.url('/'), follow_redirects };
      const { status, json } = await server.call('POST', '/api/v1/jobs', job);
      expect([status, json['problems']]).toMatchObject([400, [{ path: 'follow_redirects' }]]);
    }
  });
});
