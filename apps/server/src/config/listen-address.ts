import { isIP } from 'node:net';
import type { ListenAddress } from '../config.ts';
import type { Reading } from './setting.ts';

const LOOPBACK = '127.0.0.1';

/** Reads `9464`, `0.0.0.0:9464` or `[::]:9464`. Without an address: this machine only. */
export function readListenAddress(raw: unknown): Reading<ListenAddress> {
  const text = typeof raw === 'number' ? String(raw) : raw;
  const match = typeof text === 'string' ? /^(?:(.+):)?(\d{1,5})$/.exec(text.trim()) : null;
  const host = match?.[1]?.replace(/^\[(.*)\]$/, '$1') ?? LOOPBACK;
  const port = Number(match?.[2]);
  const isHost = isIP(host) !== 0 || /^[a-z\d.-]{1,253}$/i.test(host);
  return match !== null && isHost && port <= 65_535
    ? { ok: true, value: { host, port } }
    : { ok: false, expected: 'a port, or an address and a port such as 0.0.0.0:9464' };
}
