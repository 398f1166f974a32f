import { EZThrottle } from '@ezthrottle/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listen, type Loopback } from './loopback.ts';

let server: Loopback;
let client: EZThrottle;

const LIMIT = { key: 'tpm', version: 'v-1', rate: 1 };

beforeEach(async () => {
  server = await listen(() => ({ status: 200, body: LIMIT }));
  client = new EZThrottle({ apiKey: 'key', baseUrl: server.url });
});

afterEach(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

/** What the server was asked last. */
function asked(): unknown {
  const { method, path, text, headers } = server.seen.at(-1) ?? {};
  return [method, path, text === '' ? null : JSON.parse(text ?? 'null'), headers?.['if-match']];
}

describe('client.limits', () => {
  it('says every field in the spelling of the wire, and keys of any characters', async () => {
    await client.limits.put('destination:https://api.example.com', {
      rate: 10,
      perMs: 60_000,
      burst: 2,
      concurrency: 3,
      adaptive: true,
      floor: 1,
      ceiling: 20,
      paused: false,
      pausedUntil: new Date(7),
      settleHeader: 'X-Cost',
      settlePath: '$.cost',
    });
    expect(asked()).toEqual([
      'PUT',
      '/api/v1/limits/destination%3Ahttps%3A%2F%2Fapi.example.com',
      {
        rate: 10,
        per_ms: 60_000,
        burst: 2,
        concurrency: 3,
        adaptive: true,
        floor: 1,
        ceiling: 20,
        paused: false,
        paused_until: 7,
        settle_header: 'X-Cost',
        settle_path: '$.cost',
      },
      undefined,
    ]);
    expect(await client.limits.update('a?/b#', { burst: null, pausedUntil: 9 })).toEqual(LIMIT);
    expect(asked()).toEqual([
      'PATCH',
      '/api/v1/limits/a%3F%2Fb%23',
      { burst: null, paused_until: 9 },
      undefined,
    ]);
    expect(await client.limits.get('tpm')).toEqual(LIMIT);
    expect(asked()).toEqual(['GET', '/api/v1/limits/tpm', null, undefined]);
    expect(await client.limits.delete('tpm', { ifVersion: 'v-1' })).toBeUndefined();
    expect(asked()).toEqual(['DELETE', '/api/v1/limits/tpm', null, '"v-1"']);
  });

  it.each(['', '.', '..'])(
    'asks nobody about %j, which would be the address of all',
    async (key) => {
      const calls = [
        client.limits.put(key, { rate: 1 }),
        client.limits.get(key),
        client.limits.delete(key),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'not_found' });
      expect(server.seen).toEqual([]);
    },
  );

  it('tries a change again when its answer is lost, unless it was bound to a version', async () => {
    let tries = 0;
    server.answer = () => ((tries += 1) === 1 ? { status: 503 } : { status: 200, body: LIMIT });
    expect(await client.limits.put('tpm', { rate: 1 })).toEqual(LIMIT);
    expect(tries).toBe(2);
    for (const condition of [{ ifVersion: 'v-1' }, { ifAbsent: true }]) {
      tries = 0;
      const put = client.limits.put('tpm', { rate: 1 }, condition);
      await expect(put).rejects.toMatchObject({ status: 503 });
      expect(tries).toBe(1);
    }
    expect(server.seen.at(-1)?.headers['if-none-match']).toBe('*');
  });

  it('lists page after page as they are needed', async () => {
    server.answer = ({ path }) => {
      const isSecond = path.includes('cursor=more');
      const limits = [{ ...LIMIT, key: isSecond ? 'b' : 'a' }];
      return { status: 200, body: { limits, next_cursor: isSecond ? null : 'more' } };
    };
    const keys: string[] = [];
    for await (const { key } of client.limits.list({ prefix: 'x-', limit: 1 })) keys.push(key);
    expect(keys).toEqual(['a', 'b']);
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/api/v1/limits?prefix=x-&limit=1',
      '/api/v1/limits?prefix=x-&limit=1&cursor=more',
    ]);
  });

  it('takes no answer for a limit that is none', async () => {
    server.answer = () => ({ status: 200, body: { limits: {}, next_cursor: null } });
    const calls = [client.limits.get('x'), client.limits.list().page()];
    for (const call of calls)
      await expect(call).rejects.toMatchObject({ code: 'unexpected_answer' });
  });

  it('ends with the signal of each call', async () => {
    server.answer = () => ({ status: 200, hang: true });
    const call = { signal: AbortSignal.timeout(20) };
    const calls = [
      client.limits.put('x', { rate: 1 }, call),
      client.limits.update('x', { rate: 1 }, call),
      client.limits.get('x', call),
      client.limits.delete('x', call),
      client.limits.list(call).page(),
    ];
    for (const one of await Promise.allSettled(calls)) expect(one.status).toBe('rejected');
  });
});
