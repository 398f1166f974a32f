import { isIP } from 'node:net';
import { DEFAULTS, LIMITS } from '@ezthrottle/core/protocol';
import { DEFAULT_CIRCUIT } from '@ezthrottle/engine';
import type { Config } from '../config.ts';
import { createAddressPolicy } from '../net/address-policy.ts';
import { readListenAddress } from './listen-address.ts';
import { readCapRules, readRateRules } from './rate-rules.ts';
import { readNameServers } from './name-server-list.ts';
import { readTargets } from './target-list.ts';
import { readRegions } from './region-rules.ts';
import {
  choice,
  custom,
  duration,
  durations,
  flagSwitch,
  integer,
  listOf,
  optionalText,
  type Setting,
  text,
} from './setting.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
const MAX_BYTES = 1_073_741_824;

const POSTGRES_URL = /^postgres(?:ql)?:\/\/[^\s]+$/;

/** Every setting, in the order of the help. The type makes the table complete. */
export const SETTINGS: { readonly [K in keyof Config]: Setting<Config[K]> } = {
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
  dataDir: text(
    {
      flag: 'data-dir',
      placeholder: '<folder>',
      description: 'Folder of the database, unless it is PostgreSQL; one server at a time',
      dev: '.ezthrottle',
      start: '',
    },
    /^[^\0]+$/,
    'the path of a folder',
  ),
  databaseUrl: optionalText(
    {
      flag: 'database-url',
      // On a developer's machine it is the database of what he develops, where nobody wants our tables.
      environment: 'DATABASE_URL',
      environmentOf: ['start'],
      placeholder: '<postgres://…>',
      description: 'PostgreSQL that all nodes share; without it the data is a file of this machine',
      secret: true,
      dev: null,
      start: null,
    },
    POSTGRES_URL,
    'an address such as postgres://user:password@host:5432/database',
  ),
  databaseListenUrl: optionalText(
    {
      flag: 'database-listen-url',
      environment: 'DATABASE_LISTEN_URL',
      environmentOf: ['start'],
      placeholder: '<postgres://…>',
      description:
        'The same database without a pool that shares sessions between clients, such as PgBouncer: nodes wake each other through it',
      secret: true,
      dev: null,
      start: null,
    },
    POSTGRES_URL,
    'an address such as postgres://user:password@host:5432/database',
  ),
  databaseSchema: text(
    {
      flag: 'database-schema',
      placeholder: '<name>',
      description: 'Schema of the tables; made when it is missing',
      dev: 'ezthrottle',
      start: 'ezthrottle',
    },
    /^[a-z_][a-z\d_]{0,62}$/,
    'a name of lower-case letters, digits and underscores',
  ),
  databasePool: integer(
    {
      flag: 'database-pool',
      description:
        'Connections to the database that one node uses for jobs; five more serve the cluster',
      dev: 4,
      start: 4,
    },
    { min: 1, max: 100 },
  ),
  migrate: flagSwitch({
    flag: 'migrate',
    description:
      'Bring the tables of the database up to date at the start; else `ezthrottle migrate` does, before',
    dev: true,
    start: true,
  }),
  databaseNotify: flagSwitch({
    flag: 'database-notify',
    description:
      'Nodes tell each other at once what they have written; else they look every second',
    dev: true,
    start: true,
  }),
  databasePrepare: flagSwitch({
    flag: 'database-prepare',
    description: 'Prepare statements by name; PgBouncer carries them from 1.21 on',
    dev: true,
    start: true,
  }),
  databaseRetryMs: duration(
    {
      flag: 'database-retry',
      description: 'How long the database may be away before a node stops with an error',
      dev: 30_000,
      start: 300_000,
    },
    { min: 0, max: DAY_MS },
  ),
  databaseInboxMs: duration(
    {
      flag: 'database-inbox',
      description:
        'How often a node looks for jobs that were submitted within transactions of the database, at least; 0: never',
      dev: 250,
      start: 250,
    },
    { min: 0, max: DAY_MS },
  ),
  nodeUrl: optionalText(
    {
      flag: 'node-url',
      placeholder: '<http://host:port>',
      description: 'Where other nodes reach this one, for calls that leave from its regions',
      dev: null,
      start: null,
    },
    /^https?:\/\/[^\s/?#@]+$/,
    'an address such as http://10.0.0.5:8080',
  ),
  apiKey: custom<string | null>(
    {
      flag: 'api-key',
      placeholder: '<key>',
      description:
        'API key that is valid from the start; dev makes one when it is not given, and retires the one before',
      secret: true,
      requiredBy: ['start'],
      dev: null,
      start: null,
    },
    'value',
    (raw, profile) => {
      // What protects nothing but a developer's own machine may be easy to type.
      const shortest = profile === 'dev' ? 1 : 16;
      const fits =
        typeof raw === 'string' && /^[\x21-\x7e]{1,512}$/.test(raw) && raw.length >= shortest;
      return fits
        ? { ok: true, value: raw }
        : { ok: false, expected: `${shortest} to 512 printable characters without spaces` };
    },
  ),
  masterKey: optionalText(
    {
      flag: 'master-key',
      placeholder: '<base64>',
      description: 'Key under which stored secrets are encrypted: 32 bytes in base64',
      secret: true,
      requiredBy: ['start'],
      dev: null,
      start: null,
    },
    /^[A-Za-z\d+/]{43}=$/,
    '32 random bytes in base64, as printed by: openssl rand -base64 32',
  ),
  formerMasterKeys: custom<readonly string[]>(
    {
      flag: 'former-master-keys',
      placeholder: '<base64,…>',
      description: 'Keys that were the master key before: they open what they have encrypted',
      secret: true,
      dev: Object.freeze([]),
      start: Object.freeze([]),
    },
    'list',
    (raw) => {
      const keys = (listOf(raw) ?? ['']).flatMap((part) => String(part).trim().split(/\s+/));
      const fits = keys.length <= 16 && keys.every((key) => /^[A-Za-z\d+/]{43}=$/.test(key));
      return fits
        ? { ok: true, value: Object.freeze(keys) }
        : { ok: false, expected: '1 to 16 keys as --master-key takes them, with commas' };
    },
  ),
  signingSecret: optionalText(
    {
      flag: 'signing-secret',
      placeholder: '<secret>',
      description: 'Signs webhooks when none is stored yet: whsec_ and base64',
      secret: true,
      dev: null,
      start: null,
    },
    /^whsec_(?=.{24,88}$)(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/,
    'whsec_ followed by 24 to 64 random bytes in base64',
  ),
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
      flag: 'regions',
      placeholder: '<any|name=egress,…>',
      description:
        'Regions of this server and how calls leave: directly, from a local address, through a proxy; any: whichever a job names',
      secret: true,
      dev: 'any',
      start: 'any',
    },
    'list',
    readRegions,
  ),
  rates: custom(
    {
      flag: 'rate',
      placeholder: '<origin=n>',
      description: 'Requests per second to one destination; may be repeated',
      dev: Object.freeze({}),
      start: Object.freeze({}),
    },
    'list',
    readRateRules,
  ),
  caps: custom(
    {
      flag: 'cap',
      placeholder: '<origin=n>',
      description:
        'Requests per second to one destination over all organizations, which no answer moves; may be repeated',
      dev: Object.freeze({}),
      start: Object.freeze({}),
    },
    'list',
    readCapRules,
  ),
  circuitFailures: integer(
    {
      flag: 'circuit-failures',
      description: 'Failures in a row after which a destination is taken for down; 0: never',
      dev: DEFAULT_CIRCUIT.failures,
      start: DEFAULT_CIRCUIT.failures,
    },
    { min: 0, max: 1_000 },
  ),
  circuitWindowMs: duration(
    {
      flag: 'circuit-window',
      description: 'Time over which these failures lie at least: what fails together is one event',
      dev: DEFAULT_CIRCUIT.spanMs,
      start: DEFAULT_CIRCUIT.spanMs,
    },
    { min: 0, max: 3_600_000 },
  ),
  circuitOpenMs: duration(
    {
      flag: 'circuit-open',
      description:
        'How long nothing is sent to it before one call tries; doubled each time that fails',
      dev: DEFAULT_CIRCUIT.probeAfterMs,
      start: DEFAULT_CIRCUIT.probeAfterMs,
    },
    { min: 10, max: 3_600_000 },
  ),
  circuitMaxOpenMs: duration(
    {
      flag: 'circuit-max-open',
      description: 'Longest of these waits',
      dev: DEFAULT_CIRCUIT.maxProbeAfterMs,
      start: DEFAULT_CIRCUIT.maxProbeAfterMs,
    },
    { min: 10, max: DAY_MS },
  ),
  circuitRampMs: duration(
    {
      flag: 'circuit-ramp',
      description: 'Time over which its rate comes back once a call got through',
      dev: DEFAULT_CIRCUIT.rampMs,
      start: DEFAULT_CIRCUIT.rampMs,
    },
    { min: 0, max: 3_600_000 },
  ),
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
  maxBodyBytes: integer(
    {
      flag: 'max-body-bytes',
      description: 'Longest request body that is accepted',
      dev: LIMITS.requestBytes,
      start: LIMITS.requestBytes,
    },
    { min: 1_024, max: MAX_BYTES },
  ),
  maxResponseBytes: integer(
    {
      flag: 'max-response-bytes',
      description: "Bytes of a target's answer that are kept; the rest is cut",
      dev: LIMITS.responseBytes,
      start: LIMITS.responseBytes,
    },
    { min: 0, max: MAX_BYTES },
  ),
  retentionMs: duration(
    {
      flag: 'retention',
      description: 'How long ended jobs are kept',
      dev: 7 * DAY_MS,
      start: 7 * DAY_MS,
    },
    { min: 1_000, max: 10 * YEAR_MS },
  ),
  auditRetentionMs: duration(
    {
      flag: 'audit-retention',
      description: 'How long the audit log keeps what operators have done',
      dev: 366 * DAY_MS,
      start: 366 * DAY_MS,
    },
    { min: 1_000, max: 10 * YEAR_MS },
  ),
  idempotencyWindowMs: duration(
    {
      flag: 'idempotency-window',
      description: 'How long a key stays taken after its job has ended',
      dev: DEFAULTS.idempotencyWindowMs,
      start: DEFAULTS.idempotencyWindowMs,
    },
    { min: 0, max: YEAR_MS },
  ),
  deliveryDelaysMs: durations(
    {
      flag: 'delivery-delays',
      description: 'Waits before each attempt of a webhook; the last one is used again',
      dev: DEFAULTS.deliveryDelaysMs,
      start: DEFAULTS.deliveryDelaysMs,
    },
    { min: 0, max: 30 * DAY_MS, count: 64 },
  ),
  deliveryGiveUpMs: duration(
    {
      flag: 'delivery-give-up',
      description: 'When a webhook that nobody accepts is given up',
      dev: DEFAULTS.deliveryGiveUpMs,
      start: DEFAULTS.deliveryGiveUpMs,
    },
    { min: 0, max: 30 * DAY_MS },
  ),
  deliveryRate: integer(
    {
      flag: 'delivery-rate',
      description: 'Webhooks per second to one endpoint; 0: as many as it bears',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_000_000 },
  ),
  maxBacklog: integer(
    {
      flag: 'max-backlog',
      description: 'Unfinished jobs above which new ones are answered 429; 0: no bound',
      dev: 1_000_000,
      start: 1_000_000,
    },
    { min: 0, max: 1_000_000_000 },
  ),
  maxOrganizationBacklog: integer(
    {
      flag: 'max-organization-backlog',
      description: 'The same for the jobs of one organization',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_000_000_000 },
  ),
  maxAccountBacklog: integer(
    {
      flag: 'max-account-backlog',
      description: 'The same for the jobs of one account: an API key and user_id',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_000_000_000 },
  ),
  memoryLimitMb: integer(
    {
      flag: 'memory-limit-mb',
      description: 'Resident memory above which new jobs are answered 429; 0: no bound',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_048_576 },
  ),
  dbMaxBytes: integer(
    {
      flag: 'db-max-bytes',
      description: 'Size of the database above which new jobs are answered 429; 0: no bound',
      dev: 0,
      start: 0,
    },
    { min: 0, max: 1_000_000_000_000_000 },
  ),
  retryAfterSeconds: integer(
    {
      flag: 'retry-after-seconds',
      description: 'Wait named with a 429 where nothing tells how long it takes',
      dev: 5,
      start: 5,
    },
    { min: 1, max: 60 },
  ),
  maxStreams: integer(
    {
      flag: 'max-streams',
      description: 'Event streams open at one time',
      dev: 1_000,
      start: 1_000,
    },
    { min: 0, max: 100_000 },
  ),
  stopTimeoutMs: duration(
    {
      flag: 'stop-timeout',
      description: 'How long a stop waits for calls under way',
      dev: 5_000,
      start: 25_000,
    },
    { min: 0, max: 600_000 },
  ),
  recording: optionalText(
    {
      flag: 'recording',
      placeholder: '<file>',
      description:
        'File to which is written what `simulate` replays: jobs without what they carry, outcomes, limits',
      dev: null,
      start: null,
    },
    /^[^\0]+$/,
    'the path of a file',
  ),
  recordingMaxBytes: integer(
    {
      flag: 'recording-max-bytes',
      description: 'Size of that file at which the recording ends',
      dev: 268_435_456,
      start: 268_435_456,
    },
    { min: 65_536, max: 1_000_000_000_000 },
  ),
};
