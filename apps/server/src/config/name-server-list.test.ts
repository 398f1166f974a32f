import { expect, test } from 'vitest';
import { createNameServers } from '../net/name-servers.ts';
import { readNameServers } from './name-server-list.ts';

test.each([
  ['10.0.0.2', ['10.0.0.2']],
  ['10.0.0.2:5353, fd00::2', ['10.0.0.2:5353', 'fd00::2']],
  [
    ['[fd00::2]:53', '10.0.0.2'],
    ['[fd00::2]:53', '10.0.0.2'],
  ],
])('name servers are read from %j, and the resolver takes them', (raw, servers) => {
  expect(readNameServers(raw)).toEqual({ ok: true, value: servers });
  expect(() => createNameServers(servers)).not.toThrow();
});

test.each([
  '',
  'dns.example',
  '10.0.0.2:',
  '10.0.0.2:0',
  '10.0.0.2:65536',
  'fd00::2:99999',
  '[10.0.0.2]:53',
  'fe80::1%eth0',
  Array.from({ length: 9 }, () => '10.0.0.2'),
  53,
  {},
])('%j is no list of name servers', (raw) => {
  expect(readNameServers(raw)).toMatchObject({ ok: false });
});
