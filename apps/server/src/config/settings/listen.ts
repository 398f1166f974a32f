import { isIP } from 'node:net';
import { custom, integer } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';

/** Where the server is reached. */
export const LISTEN_SETTINGS: SettingsOf<'host' | 'port'> = {
  host: custom(
    {
      flag: 'host',
      placeholder: '<address>',
      description: 'Address to listen on; 0.0.0.0 for every interface',
      dev: '127.0.0.1',
      start: '0.0.0.0',
    },
    'value',
    (raw) =>
      typeof raw === 'string' && (isIP(raw) !== 0 || /^[a-z\d.-]{1,253}$/i.test(raw))
        ? { ok: true, value: raw }
        : { ok: false, expected: 'an IP address or a host name' },
  ),
  port: integer(
    {
      flag: 'port',
      description: 'Port to listen on; 0 takes a free one',
      dev: 8080,
      start: 8080,
    },
    { min: 0, max: 65_535 },
  ),
};
