import { createAddressPolicy } from '../../net/address-policy.ts';
import { readNameServers } from '../name-server-list.ts';
import { readRegions } from '../region-rules.ts';
import { readTargets } from '../target-list.ts';
import type { Config } from '../../config.ts';
import { custom, flagSwitch } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';

/** What may be called, and how calls leave. */
export const TARGET_SETTINGS: SettingsOf<
  | 'allowLoopbackTargets'
  | 'allowPrivateTargets'
  | 'allowTargets'
  | 'denyTargets'
  | 'dnsServers'
  | 'regions'
> = {
  allowLoopbackTargets: flagSwitch({
    flag: 'allow-loopback-targets',
    description: 'Let jobs and webhooks call this machine (127.0.0.0/8, ::1)',
    dev: true,
    start: false,
  }),
  allowPrivateTargets: flagSwitch({
    flag: 'allow-private-targets',
    description: 'Let jobs and webhooks call every private address, loopback included',
    dev: false,
    start: false,
  }),
  allowTargets: custom(
    {
      flag: 'allow-target',
      placeholder: '<address>',
      description: 'Address, range or host name that may be called in any case; may be repeated',
      dev: Object.freeze([]),
      start: Object.freeze([]),
    },
    'list',
    (raw) =>
      readTargets(
        raw,
        (allow) => createAddressPolicy({ allow }),
        'such as 10.1.2.3, 10.0.0.0/8, internal.example or *.internal.example',
      ),
  ),
  denyTargets: custom(
    {
      flag: 'deny-target',
      placeholder: '<address>',
      description:
        'Address or range that is never called, such as one of your own; may be repeated',
      dev: Object.freeze([]),
      start: Object.freeze([]),
    },
    'list',
    (raw) =>
      readTargets(
        raw,
        (deny) => createAddressPolicy({ deny }),
        'addresses and ranges such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32',
      ),
  ),
  dnsServers: custom(
    {
      flag: 'dns-server',
      placeholder: '<address>',
      description:
        "Name server, address or address:port, that is asked for targets' addresses instead of the system; may be repeated",
      dev: Object.freeze([]),
      start: Object.freeze([]),
    },
    'list',
    readNameServers,
  ),
  regions: custom<Config['regions']>(
    {
      flag: 'region',
      otherFlag: 'regions',
      environment: 'EZTHROTTLE_REGIONS',
      placeholder: '<any|name=egress,…>',
      description:
        'Regions of this server and how calls leave: directly, from a local address, through a proxy; any: whichever a job names; may be repeated',
      secret: true,
      dev: 'any',
      start: 'any',
    },
    'list',
    readRegions,
  ),
};
