import { isIP } from 'node:net';
import { listOf, type Reading } from './setting.ts';

const MOST_SERVERS = 8;

/** Reads up to eight name servers: addresses, with a port where it is not 53. */
export function readNameServers(raw: unknown): Reading<readonly string[]> {
  const servers = listOf(raw)?.map((entry) => String(entry).trim()) ?? [];
  return servers.length > 0 && servers.length <= MOST_SERVERS && servers.every(isServer)
    ? { ok: true, value: Object.freeze(servers) }
    : {
        ok: false,
        expected: `1 to ${MOST_SERVERS} addresses such as 10.0.0.2, 10.0.0.2:5353 or [fd00::2]:5353`,
      };
}

function isServer(text: string): boolean {
  if (isIP(text) !== 0) return !text.includes('%');
  const [, six, four, port] = /^(?:\[([^\]%]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const isAddress = six === undefined ? isIP(four ?? '') === 4 : isIP(six) === 6;
  return isAddress && Number(port) >= 1 && Number(port) <= 65_535;
}
