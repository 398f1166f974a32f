import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectOf, type RunningServer, startServer, textOf, until } from './running-server.ts';

interface Frame {
  readonly event: string;
  readonly id: string | null;
  readonly data: Record<string, unknown>;
}

let server: RunningServer;
let target: Upstream;

beforeAll(async () => {
  target = await createUpstream();
  server = await startServer({ rate: [`${target.origin}=1000`], 'max-streams': '3' });
});

afterAll(async () => {
  await server.close();
  await target.close();
});

function open(id: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${server.url}/api/v1/jobs/${id}/stream`, {
    headers: { authorization: `Bearer ${server.apiKey}`, ...headers },
  });
}

async function* framesOf(response: Response): AsyncGenerator<Frame> {
  if (response.body === null) return;
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]),
      );
      const data = fields.get('data');
      if (data === undefined) continue;
      yield {
        event: fields.get('event') ?? '',
        id: fields.get('id') ?? null,
        data: objectOf(JSON.parse(data)),
      };
    }
  }
}

async function all(response: Response): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of framesOf(response)) frames.push(frame);
  return frames;
}

async function submit(job: Record<string, unknown>): Promise<string> {
  const reply = await server.call('POST', '/api/v1/jobs', {
    idempotent_key: crypto.randomUUID(),
    ...job,
  });
  return textOf(reply.json['job_id']);
}

describe('the stream of a job', () => {
  test('tells its life in order and ends with it', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let calls = 0;
    target.route('/life', async () => {
      calls += 1;
      if (calls === 1) await released;
      return calls === 1 ? { status: 503, headers: { 'retry-after': '0' } } : { body: 'done' };
    });
    const id = await submit({ url: target.url('/life') });
    const response = await open(id);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(response.headers.get('cache-control')).toMatch(/^no-cache/);
    release();
    const frames = await all(response);
    const numbered = frames.filter(({ id: number }) => number !== null);
    expect(numbered.map(({ event, id: number }) => [event, number])).toEqual([
      ['queued', '0'],
      ['dispatching', '1'],
      ['retrying', '2'],
      ['dispatching', '3'],
      ['completed', '5'],
    ]);
    expect(numbered[2]?.data).toMatchObject({ attempt: 1, status_code: 503 });
    expect(numbered.at(-1)?.data).toMatchObject({
      job_id: id,
      status: 'success',
      state: 'completed',
      result: { response: { status_code: 200, body: 'done' } },
    });
  });

  test('tells whoever comes late the same, end included, and closes', async () => {
    target.route('/late', { status: 404 });
    const id = await submit({ url: target.url('/late') });
    const live = await all(await open(id));
    const late = await all(await open(id));
    expect(late.map(({ event, id: number }) => [event, number])).toEqual([
      ['queued', '0'],
      ['dispatching', '1'],
      ['failed', '3'],
    ]);
    expect(late.at(-1)).toEqual(live.at(-1));
  });

  test('goes on after the last event that was seen, and says when there is nothing more', async () => {
    const id = await submit({ url: target.url('/resumed') });
    await all(await open(id));
    const resumed = await all(await open(id, { 'last-event-id': '1' }));
    expect(resumed.map(({ event }) => event)).toEqual(['completed']);
    for (const end of ['3', '4', '999', '123456789012345']) {
      expect((await open(id, { 'last-event-id': end })).status).toBe(204);
    }
    expect((await all(await open(id, { 'last-event-id': 'rubbish' }))).length).toBe(3);
  });

  test('tells of a call when it is handed over, at the same time live and later', async () => {
    await server.call('PUT', '/api/v1/limits/seldom', { rate: 1, per_ms: 1_500 });
    await submit({ url: target.url('/first'), limits: ['seldom'] });
    const id = await submit({ url: target.url('/second'), limits: ['seldom'] });
    await new Promise((resolve) => setTimeout(resolve, 400));
    const openedAt = Date.now();
    const [live, alsoLive] = await Promise.all([open(id).then(all), open(id).then(all)]);
    const late = await all(await open(id));
    const sentAt = [live, alsoLive, late].map(
      (frames) => frames.find(({ event }) => event === 'dispatching')?.data['at'],
    );
    expect(new Set(sentAt).size).toBe(1);
    expect(Number(sentAt[0])).toBeGreaterThan(openedAt);
  });

  test('tells of a retry the same to who watches, to who comes back and to who comes late', async () => {
    let calls = 0;
    target.route('/flaky', () => {
      calls += 1;
      if (calls === 1) return { status: 503 };
      return calls === 2 ? { status: 429, headers: { 'retry-after': '1' } } : { status: 200 };
    });
    const id = await submit({ url: target.url('/flaky') });
    const live = await all(await open(id));
    const late = await all(await open(id));
    const back = await all(await open(id, { 'last-event-id': '1' }));
    const retries = (frames: readonly Frame[]): readonly Frame[] =>
      frames.filter(({ event }) => event === 'retrying');
    expect(retries(live).map(({ data }) => data['attempt'])).toEqual([1, 2]);
    expect(retries(late)).toEqual(retries(live));
    expect(retries(back)).toEqual(retries(live));

    const port = new URL(target.origin).port;
    const unreachable = await submit({
      url: `http://127.0.0.1:${Number(port) === 1 ? 2 : 1}/`,
      retry_policy: { max_reroutes: 1 },
    });
    const seen = await all(await open(unreachable));
    const again = await all(await open(unreachable));
    expect(retries(seen)).toHaveLength(1);
    expect(retries(again)).toEqual(retries(seen));
  });

  test('ends when the key that opened it is revoked, as does a wait for the result', async () => {
    await server.call('PUT', '/api/v1/limits/hardly', { rate: 1, per_ms: 60_000 });
    await submit({ url: target.url('/taken'), limits: ['hardly'] });
    const job = { url: target.url('/kept'), limits: ['hardly'], idempotent_key: 'hardly' };
    const id = await submit(job);
    const scopes = ['submit', 'read'];
    const made = await server.call('POST', '/api/v1/api-keys', { name: 'short-lived', scopes });
    const authorization = `Bearer ${textOf(made.json['api_key'])}`;
    const stream = await open(id, { authorization });
    const own = await server.call('POST', '/api/v1/jobs', job, { authorization, prefer: 'wait=0' });
    expect(own.status).toBe(202);
    const waiting = server.call('POST', '/api/v1/jobs', job, { authorization, prefer: 'wait=30' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const revokedAt = Date.now();
    await server.call('DELETE', `/api/v1/api-keys/${textOf(made.json['id'])}`);
    expect((await all(stream)).at(-1)?.event).not.toBe('completed');
    expect((await waiting).status).toBe(202);
    expect(Date.now() - revokedAt).toBeLessThan(1_000);
  });

  test('ends when its key expires, or is rotated and its overlap is over, and says so', async () => {
    await server.call('PUT', '/api/v1/limits/rarely', { rate: 1, per_ms: 60_000 });
    await submit({ url: target.url('/taken'), limits: ['rarely'] });
    const job = { url: target.url('/kept'), limits: ['rarely'], idempotent_key: 'rarely' };
    const id = await submit(job);
    const scopes = ['submit', 'read'];
    const ending = { name: 'ending', scopes, expires_at: Date.now() + 1_200 };
    const expiring = await server.call('POST', '/api/v1/api-keys', ending);
    const rotating = await server.call('POST', '/api/v1/api-keys', { name: 'rotating', scopes });
    const keys = [expiring, rotating].map(({ json }) => `Bearer ${textOf(json['api_key'])}`);
    const streams = await Promise.all(keys.map((authorization) => open(id, { authorization })));
    const headers = { authorization: keys[0] ?? '', prefer: 'wait=30' };
    const waiting = server.call('POST', '/api/v1/jobs', job, headers);
    const place = `/api/v1/api-keys/${textOf(rotating.json['id'])}/rotate`;
    const rotated = await server.call('POST', place, { overlap_ms: 500 });
    expect(rotated.status).toBeLessThan(300);
    const texts = await Promise.all(streams.map((stream) => stream.text()));
    expect(Date.now()).toBeLessThan(ending.expires_at + 1_000);
    expect(texts.map((text) => text.trimEnd().split('\n').at(-1))).toEqual([
      ': the API key that opened this stream has expired',
      ': the API key that opened this stream was rotated',
    ]);
    expect((await waiting).status).toBe(202);
  });

  test('tells of no others to wait for when there are none', async () => {
    const busy = { status: 503, headers: { 'retry-after': '0' } };
    target.route('/alone', [busy, busy, { status: 200 }]);
    const frames = await all(await open(await submit({ url: target.url('/alone') })));
    expect(frames.filter(({ event }) => event === 'retrying')).toHaveLength(2);
    expect(frames.map(({ data }) => data['reason'])).not.toContain('behind_others');
  });

  test('tells its place in line and what holds it back, to who comes late at once', async () => {
    const put = { rate: 1, per_ms: 700 };
    await server.call('PUT', '/api/v1/limits/one-by-one', put);
    const jobs: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      jobs.push(await submit({ url: target.url('/in-line'), limits: ['one-by-one'] }));
    }
    const frames = await all(await open(jobs[3] ?? ''));
    const told = frames.filter(({ event }) => event === 'position');
    const places = told.map(({ data }) => Number(data['position']));
    expect(places[0]).toBeGreaterThanOrEqual(2);
    expect(places).toEqual(places.toSorted((first, second) => second - first));
    expect(new Set(places).size).toBe(places.length);
    expect(places.at(-1)).toBe(0);
    expect(told.map(({ id }) => id)).toEqual(told.map(() => null));
    const first = frames.findIndex(({ event }) => event === 'position');
    expect(frames.slice(0, first).map(({ event }) => event)).toContain('waiting');
    expect(frames.at(-1)?.event).toBe('completed');

    await server.call('PUT', '/api/v1/limits/shut', { rate: 1, paused: true });
    const held = await submit({ url: target.url('/in-line'), limits: ['shut'] });
    const response = await open(held);
    for await (const { event, data } of framesOf(response)) {
      if (event !== 'waiting') continue;
      expect(data).toMatchObject({ key: 'shut', reason: 'paused', until: null });
      break;
    }
  });

  test('tells of a cancel', async () => {
    const id = await submit({ url: target.url('/'), retry_at: Date.now() + 3_600_000 });
    const response = await open(id);
    await server.call('DELETE', `/api/v1/jobs/${id}`);
    const frames = await all(response);
    expect(frames.map(({ event }) => event)).toEqual(['queued', 'cancelled']);
    expect(frames.at(-1)?.data).toMatchObject({
      status: 'cancelled',
      result: { status: 'failed' },
    });
  });

  test('is one of a bounded number; one that is left makes room for another', async () => {
    const id = await submit({ url: target.url('/'), retry_at: Date.now() + 3_600_000 });
    const streams = await Promise.all([open(id), open(id), open(id)]);
    const refused = await open(id);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    await refused.body?.cancel();
    for (const stream of streams) await stream.body?.cancel();
    const next = await until(
      () => open(id),
      (response) => response.status === 200,
    );
    await next.body?.cancel();
  });

  test('does not keep the server from stopping', async () => {
    const id = await submit({ url: target.url('/'), retry_at: Date.now() + 3_600_000 });
    const response = await until(
      () => open(id),
      ({ status }) => status === 200,
    );
    const frames = all(response);
    await server.restart();
    expect((await frames).map(({ event }) => event)).toEqual(['queued']);
  });
});
