import { afterEach, describe, expect, test } from 'vitest';
import { createUpstream, type Upstream } from './upstream.ts';

let upstream: Upstream;
afterEach(() => upstream.close());

describe('an upstream', () => {
  test('records method, path, headers and body of what it gets', async () => {
    upstream = await createUpstream({ status: 201, body: { ok: true } });

    const reply = await fetch(upstream.url('/orders?id=1'), {
      method: 'POST',
      headers: { 'X-Colour': 'red' },
      body: 'hé',
    });

    expect(reply.status).toBe(201);
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(await reply.json()).toEqual({ ok: true });
    const [request] = await upstream.waitFor((seen) => seen[0]?.state === 'answered');
    expect(request).toMatchObject({
      sequence: 1,
      method: 'POST',
      path: '/orders?id=1',
      body: 'hé',
    });
    expect(request?.headers['x-colour']).toBe('red');
  });

  test('answers in turn, the last answer repeating, and by path', async () => {
    upstream = await createUpstream([{ status: 503 }, { status: 200 }]);
    upstream.route('/own', { status: 418 });

    const statuses: number[] = [];
    for (const path of ['/', '/own?x=1', '/', '/']) {
      statuses.push((await fetch(upstream.url(path))).status);
    }

    expect(statuses).toEqual([503, 418, 200, 200]);
  });

  test('answers by a function that sees the request and may wait', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    upstream = await createUpstream(async (request) => {
      await gate;
      return { body: request.body.toUpperCase() };
    });

    const reply = fetch(upstream.url(), { method: 'PUT', body: 'quiet' });
    await upstream.waitFor(1);
    open();

    expect(await (await reply).text()).toBe('QUIET');
  });

  test('tells when the caller hung up before the answer', async () => {
    upstream = await createUpstream({ fault: 'hang_before_headers' });
    const hangUp = new AbortController();

    const reply = fetch(upstream.url(), { signal: hangUp.signal });
    await upstream.waitFor(1);
    hangUp.abort();

    await expect(reply).rejects.toThrow('aborted');
    const [request] = await upstream.waitFor((seen) => seen[0]?.state === 'aborted');
    expect(request?.state).toBe('aborted');
  });

  test.each(['reset_before_headers', 'reset_after_headers'] as const)(
    'breaks the connection when told to: %s',
    async (fault) => {
      upstream = await createUpstream({ fault, body: 'half' });

      await expect(fetch(upstream.url()).then((reply) => reply.text())).rejects.toThrow(
        /fetch failed|terminated/,
      );
    },
  );

  test('says what had arrived when it waited in vain', async () => {
    upstream = await createUpstream();
    await fetch(upstream.url('/seen'));

    await expect(upstream.waitFor(2, 20)).rejects.toThrow(/2 requests; 1 arrived: GET \/seen/);
  });
});
