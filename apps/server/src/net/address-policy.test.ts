import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressPolicyError, createAddressPolicy } from './address-policy.ts';

const PUBLIC = [
  '8.8.8.8',
  '1.1.1.1',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
];

const NEVER = [
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['::', 'unspecified'],
  ['169.254.1.1', 'link-local'],
  ['169.254.169.254', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['::ffff:169.254.169.254', 'metadata'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['fec0::1', 'site-local'],
  ['224.0.0.1', 'multicast'],
  ['ff02::1', 'multicast'],
  ['255.255.255.255', 'broadcast'],
  ['240.0.0.1', 'reserved'],
  ['192.0.2.1', 'reserved'],
  ['198.18.0.1', 'reserved'],
  ['::7f00:1', 'public range'],
  ['::127.0.0.1', 'public range'],
  ['::8.8.8.8', 'public range'],
  ['3fff::1', 'reserved'],
  ['5f00::1', 'segmentRouting'],
  ['64:ff9b:2::8.8.8.8', 'public range'],
  ['::ffff:0:127.0.0.1', 'translated'],
  ['64:ff9b:1::7f00:1', 'NAT64'],
  ['2002:7f00:1::', '6to4'],
  ['2001:0:1::', 'teredo'],
  ['2001:db8::1', 'reserved'],
  ['100::1', 'discard'],
  ['4000::1', 'public range'],
] as const;

const PRIVATE = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '::1',
  'fd12:3456::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::10.0.0.1',
];

describe('the address policy', () => {
  test.each(PUBLIC)('lets the public address %s be called', (address) => {
    expect(createAddressPolicy().refusal(address)).toBeNull();
  });

  test.each(NEVER)('refuses %s, even when private addresses are allowed', (address, reason) => {
    expect(createAddressPolicy().refusal(address)).toContain(reason);
    expect(createAddressPolicy({ allowPrivate: true }).refusal(address)).toContain(reason);
  });

  test.each(PRIVATE)('refuses %s unless private addresses are allowed', (address) => {
    expect(createAddressPolicy().refusal(address)).not.toBeNull();
    expect(createAddressPolicy({ allowPrivate: true }).refusal(address)).toBeNull();
  });

  test('opens this machine without opening the network round it', () => {
    const policy = createAddressPolicy({ allowLoopback: true });

    expect(policy.refusal('127.0.0.1')).toBeNull();
    expect(policy.refusal('::1')).toBeNull();
    expect(policy.refusal('10.0.0.1')).toContain('private');
    expect(policy.refusal('169.254.169.254')).toContain('metadata');
  });

  test.each(['', 'localhost', '127.1', '0x7f.0.0.1', '010.0.0.1', '2130706433', '8.8.8.8:80'])(
    'refuses %j, which is no plain address',
    (text) => {
      expect(createAddressPolicy({ allowPrivate: true }).refusal(text)).toBe('not an IP address');
    },
  );

  test('an IPv4 address is judged alike in every form that carries it', () => {
    const policy = createAddressPolicy();
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const plain = policy.refusal(address);
        expect(policy.refusal(`::ffff:${address}`)).toBe(plain);
        expect(policy.refusal(`64:ff9b::${address}`)).toBe(plain);
      }),
    );
  });

  test('opens the addresses and ranges that are listed, also the embedded forms', () => {
    const policy = createAddressPolicy({ allow: ['10.1.0.0/16', '169.254.169.254', 'fd00::/8'] });

    expect(policy.refusal('10.1.2.3')).toBeNull();
    expect(policy.refusal('::ffff:10.1.2.3')).toBeNull();
    expect(policy.refusal('169.254.169.254')).toBeNull();
    expect(policy.refusal('fd12::1')).toBeNull();
    expect(policy.refusal('10.2.0.1')).toContain('private');
    expect(policy.refusal('169.254.169.253')).toContain('link-local');
  });

  test('opens the host names that are listed, and names below a star', () => {
    const policy = createAddressPolicy({ allow: ['Internal.Example', '*.corp.example'] });

    expect(policy.allowsHost('internal.example')).toBe(true);
    expect(policy.allowsHost('INTERNAL.example.')).toBe(true);
    expect(policy.allowsHost('a.b.corp.example')).toBe(true);
    expect(policy.allowsHost('corp.example')).toBe(false);
    expect(policy.allowsHost('evil-internal.example')).toBe(false);
    expect(policy.allowsHost('internal.example.evil')).toBe(false);
  });

  test('never lets be called what is denied, in whatever form, whatever else is allowed', () => {
    const policy = createAddressPolicy({
      allowPrivate: true,
      allow: ['198.51.100.7', '2606:4700::/32'],
      deny: ['198.51.100.0/24', '8.8.8.8', '2606:4700:1::/48'],
    });

    for (const address of ['198.51.100.7', '8.8.8.8', '::ffff:8.8.8.8', '64:ff9b::808:808']) {
      expect(policy.refusal(address)).toBe('a denied address');
      expect(policy.denies(address)).toBe(true);
    }
    expect(policy.refusal('2606:4700:1::1')).toBe('a denied address');
    expect(policy.refusal('2606:4700:2::1')).toBeNull();
    expect(policy.refusal('8.8.4.4')).toBeNull();
    expect(policy.denies('8.8.4.4')).toBe(false);
  });

  test('denies addresses and ranges, not names, which others move', () => {
    expect(() => createAddressPolicy({ deny: ['inner.example'] })).toThrow('"inner.example"');
    expect(() => createAddressPolicy({ deny: ['10.0.0.0/99'] })).toThrow('"10.0.0.0/99"');
  });

  test('names every entry of the list that cannot be read', () => {
    const build = (): unknown =>
      createAddressPolicy({ allow: ['10.0.0.0/99', 'ok.example', '1.2.3', 'a b', '*'] });

    expect(build).toThrow(AddressPolicyError);
    expect(build).toThrow('"10.0.0.0/99", "1.2.3", "a b", "*"');
  });
});
