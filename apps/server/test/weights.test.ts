// Turns of API keys by their weights, against a target that is really called.

import { EZThrottle, isNotFoundError, isValidationError } from '@ezthrottle/core';
import { createUpstream, type Upstream } from '@ezthrottle/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { hashApiKey } from '../src/tenancy/api-keys.ts';
import { addOrganization, type RunningServer, startServer } from './running-server.ts';

const SECOND = '019a0000-0000-7000-8000-0000000000cc';
const OTHERS = '019a0000-0000-7000-8000-0000000000bb';

let server: RunningServer;
let target: Upstream;
let one: EZThrottle;
let two: EZThrottle;

beforeAll(async () => {
  target = await createUpstream();
  server = await startServer({ rate: [`${target.origin}=200`] });
  await server.restart(async () => {
    await addOrganization(server.folder, 'other', 'key-of-the-others');
    const store = await openSqliteStore({ file: `${server.folder}/ezthrottle.db` });
    const first = await store.tenancy.apiKeyByHash(hashApiKey(server.apiKey));
    if (first === null) throw new Error('no API key');
    const hash = hashApiKey('the-second-key');
    await store.commit([
      { type: 'put_api_key', apiKey: { ...first, id: SECOND, name: '2', hash } },
    ]);
    await store.close();
  });
  one = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
  two = new EZThrottle({ apiKey: 'the-second-key', baseUrl: server.url });
});

afterAll(async () => {
  await one.close();
  await two.close();
  await server.close();
  await target.close();
});

/** Both keys have more than can be sent meanwhile; gives the share of the second among the next calls. */
async function backlog(
  round: string,
  limits: readonly string[] = [],
): Promise<{ readonly shareOfSecond: () => Promise<number>; readonly done: () => Promise<void> }> {
  const submit = (client: EZThrottle, key: string) =>
    client.submitJobs(
      Array.from({ length: 250 }, (_, n) => ({
        url: target.url(`/${round}/${key}`),
        idempotentKey: `${round} ${key} ${n}`,
        limits,
      })),
    );
  const of = (key: string): number =>
    target.requests.filter(({ path }) => path === `/${round}/${key}`).length;
  const all = (): number => of('1') + of('2');
  await Promise.all([submit(one, '1'), submit(two, '2')]);
  return {
    async shareOfSecond() {
      // What is armed already has its turns.
      const start = all() + 40;
      await target.waitFor(() => all() >= start);
      const [first, second] = [of('1'), of('2')];
      await target.waitFor(() => all() >= start + 120);
      return (of('2') - second) / (of('2') - second + of('1') - first);
    },
    async done() {
      await target.waitFor(() => all() === 500, 20_000);
    },
  };
}

describe('API keys with jobs for the same destination', () => {
  test('have a turn each, then one to three from when it is said so', async () => {
    const { shareOfSecond, done } = await backlog('paced');
    expect(Math.abs((await shareOfSecond()) - 1 / 2)).toBeLessThan(0.04);
    const put = await two.limits.put('api-key:self', { weight: 3 });
    expect(put).toMatchObject({ key: `api-key:${SECOND}`, kind: 'api_key', weight: 3, rate: null });
    expect(Math.abs((await shareOfSecond()) - 3 / 4)).toBeLessThan(0.04);
    await done();
  });

  test('have as many turns at a limit that they name', async () => {
    await one.limits.put('shared', { rate: 200 });
    await one.limits.put(`api-key:${SECOND}`, { weight: 3 });
    const { shareOfSecond, done } = await backlog('limited', ['shared']);
    expect(Math.abs((await shareOfSecond()) - 3 / 4)).toBeLessThan(0.04);
    await done();
  });

  test('have their weights after a restart, and a turn each when they are taken away', async () => {
    await server.restart();
    const client = new EZThrottle({ apiKey: 'the-second-key', baseUrl: server.url });
    expect(await client.limits.get('api-key:self')).toMatchObject({ weight: 3, state: null });
    await client.limits.delete('api-key:self');
    await expect(client.limits.get('api-key:self')).rejects.toSatisfy(isNotFoundError);
    await client.close();
  });
});

describe('the weight of an API key', () => {
  test('is said of one’s own keys only', async () => {
    const client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
    for (const id of [OTHERS, '019a0000-0000-7000-8000-0000000000ff']) {
      const put = client.limits.put(`api-key:${id}`, { weight: 2 });
      await expect(put).rejects.toSatisfy(isNotFoundError);
    }
    await client.close();
  });

  test.each([
    ['api-key:self', {}],
    ['api-key:self', { weight: 0.01 }],
    ['api-key:self', { weight: 101 }],
    ['api-key:self', { weight: 2, rate: 5 }],
    ['api-key:ann', { weight: 2 }],
    ['tpm', { rate: 5, weight: 2 }],
    ['account:ann', { weight: 2 }],
  ])('%s is not %j', async (key, limit) => {
    const client = new EZThrottle({ apiKey: server.apiKey, baseUrl: server.url });
    await expect(client.limits.put(key, limit)).rejects.toSatisfy(isValidationError);
    await client.close();
  });
});
