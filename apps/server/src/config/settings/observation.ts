import { readListenAddress } from '../listen-address.ts';
import type { Config } from '../../config.ts';
import { choice, custom, flagSwitch, integer, optionalText } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';

/** What the server tells of itself. */
export const OBSERVATION_SETTINGS: SettingsOf<
  | 'logLevel'
  | 'accessLog'
  | 'metrics'
  | 'metricsToken'
  | 'metricsNames'
  | 'otlpEndpoint'
  | 'traceSamplePercent'
  | 'hooks'
> = {
  logLevel: choice(
    {
      flag: 'log-level',
      description: 'What is logged, on stderr',
      dev: 'info',
      start: 'info',
    },
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
  ),
  accessLog: flagSwitch({
    flag: 'access-log',
    description: 'Log each request to the API, without its query and body',
    dev: false,
    start: false,
  }),
  metrics: custom<Config['metrics']>(
    {
      flag: 'metrics',
      placeholder: '<[address:]port>',
      description:
        'Where metrics for Prometheus are served; without an address only this machine reaches them',
      dev: null,
      start: null,
    },
    'value',
    readListenAddress,
  ),
  metricsToken: optionalText(
    {
      flag: 'metrics-token',
      placeholder: '<token>',
      description: 'Bearer token that whoever reads the metrics must have',
      secret: true,
      dev: null,
      start: null,
    },
    /^[\x21-\x7e]{16,512}$/,
    '16 to 512 printable characters without spaces',
  ),
  metricsNames: integer(
    {
      flag: 'metrics-names',
      description: 'Destinations, and limits, with metrics of their own; the others share theirs',
      dev: 50,
      start: 50,
    },
    { min: 0, max: 1_000 },
  ),
  otlpEndpoint: optionalText(
    {
      flag: 'otlp-endpoint',
      placeholder: '<url>',
      description: 'Where traces are sent (OTLP over HTTP), such as http://localhost:4318',
      dev: null,
      start: null,
    },
    /^https?:\/\/[^\s?#@]{1,500}$/,
    'an http or https URL without credentials and query',
  ),
  traceSamplePercent: integer(
    {
      flag: 'trace-sample',
      description: 'Percent of submits that are traced, where the caller has not decided',
      dev: 100,
      start: 100,
    },
    { min: 0, max: 100 },
  ),
  hooks: optionalText(
    {
      flag: 'hooks',
      placeholder: '<file>',
      description: 'Module of lifecycle hooks, such as ./my-hooks.mjs',
      dev: null,
      start: null,
    },
    /^[^\0]{1,4096}$/,
    'the path of an ECMAScript module',
  ),
};
