import { afterEach, expect, test } from 'vitest';
import { createNameServers } from '../../src/net/name-servers.ts';
import {
  a,
  aaaa,
  cname,
  createNameServer,
  type Rounds,
  type TestNameServer,
} from './name-server.ts';

let server: TestNameServer | null = null;
afterEach(() => server?.close());

async function asked(
  records: readonly (readonly [string, Rounds])[],
  host: string,
): Promise<readonly string[] | string> {
  server = await createNameServer(new Map(records));
  const resolve = createNameServers([server.address]);
  return new Promise((done) => {
    resolve(host, (error, found) => {
      const code = error !== null && 'code' in error ? String(error.code) : error?.message;
      done(code ?? found.map(({ address, family }) => `${address} ${family}`));
    });
  });
}

test('a name server is asked for addresses of both kinds, behind aliases too', async () => {
  const found = await asked(
    [
      ['www.example A', [[cname('www.example', 'host.example'), a('host.example', '192.0.2.1')]]],
      ['www.example AAAA', [[aaaa('www.example', '2001:db8::1')]]],
    ],
    'www.example',
  );
  expect(found).toEqual(['192.0.2.1 4', '2001:db8::1 6']);
});

test('a name with addresses of one kind has these', async () => {
  const found = await asked([['six.example AAAA', [[aaaa('six.example', '::1')]]]], 'six.example');
  expect(found).toEqual(['::1 6']);
});

test('a name that is not there is not found', async () => {
  expect(await asked([], 'nowhere.example')).toBe('ENOTFOUND');
});
