import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAddressPolicy } from './address-policy.ts';
import type { ResolveHost } from './checked-host.ts';
import { createConnector } from './connector.ts';

let upstream: Upstream;
let agent: Agent | null;
beforeEach(async () => {
  agent = null;
  upstream = await createUpstream();
});
afterEach(async () => {
  await agent?.destroy();
  await upstream.close();
});

/** Answers each question with the next list of addresses, the last one for ever. */
function nameServer(...answers: readonly (readonly string[])[]): {
  readonly resolve: ResolveHost;
  readonly asked: string[];
} {
  const asked: string[] = [];
  return {
    asked,
    resolve: (host, callback) => {
      const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
      asked.push(host);
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    },
  };
}

function call(
  options: Parameters<typeof createConnector>[0],
  host: string,
): Promise<{ readonly statusCode: number }> {
  agent = new Agent({ connect: createConnector(options) });
  return request(`http://${host}:${upstream.port}/`, { dispatcher: agent, reset: true });
}

describe('the connector', () => {
  test('asks the name server once per connection and connects to what it checked', async () => {
    // A rebinding name: allowed when it is checked, another address when asked again.
    const names = nameServer(['127.0.0.1'], ['10.255.255.1']);

    const reply = await call(
      { policy: createAddressPolicy({ allow: ['127.0.0.1'] }), resolve: names.resolve },
      'rebinding.example',
    );

    expect(reply.statusCode).toBe(200);
    expect(names.asked).toEqual(['rebinding.example']);
  });

  test('refuses a name that resolves to a forbidden address, without naming the address', async () => {
    const names = nameServer(['127.0.0.1', '::1']);

    const reply = call({ policy: createAddressPolicy(), resolve: names.resolve }, 'inner.example');

    await expect(reply).rejects.toMatchObject({
      code: 'address_refused',
      message: 'inner.example must not be called: it resolves to a loopback address',
    });
    expect(upstream.connections).toBe(0);
  });

  test('passes over the forbidden ones among several addresses', async () => {
    const names = nameServer(['10.0.0.1', '127.0.0.1', '169.254.169.254']);

    const reply = await call(
      { policy: createAddressPolicy({ allowLoopback: true }), resolve: names.resolve },
      'mixed.example',
    );

    expect(reply.statusCode).toBe(200);
  });

  test('lets a listed host name resolve to anything', async () => {
    const names = nameServer(['127.0.0.1']);

    const reply = await call(
      { policy: createAddressPolicy({ allow: ['inner.example'] }), resolve: names.resolve },
      'inner.example',
    );

    expect(reply.statusCode).toBe(200);
  });

  test('refuses what is denied also by a listed host name', async () => {
    const names = nameServer(['127.0.0.1']);
    const policy = createAddressPolicy({ allow: ['inner.example'], deny: ['127.0.0.1'] });

    await expect(call({ policy, resolve: names.resolve }, 'inner.example')).rejects.toMatchObject({
      code: 'address_refused',
    });
    expect(upstream.connections).toBe(0);
  });

  test('refuses an address in the URL itself', async () => {
    await expect(call({ policy: createAddressPolicy() }, '127.0.0.1')).rejects.toMatchObject({
      code: 'address_refused',
    });
    expect(upstream.connections).toBe(0);
  });

  test('says so when a name cannot be resolved', async () => {
    const resolve: ResolveHost = (_host, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), []);

    await expect(
      call({ policy: createAddressPolicy(), resolve }, 'nowhere.example'),
    ).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});
