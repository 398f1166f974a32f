import { duration, flagSwitch, integer, optionalText, text } from '../setting.ts';
import type { SettingsOf } from '../settings-of.ts';
import { DAY_MS } from '../time-spans.ts';

const POSTGRES_URL = /^postgres(?:ql)?:\/\/[^\s]+$/;

/** Where jobs are kept, and how nodes find each other there. */
export const STORAGE_SETTINGS: SettingsOf<
  | 'dataDir'
  | 'databaseUrl'
  | 'databaseListenUrl'
  | 'databaseSchema'
  | 'databasePool'
  | 'migrate'
  | 'databaseNotify'
  | 'databasePrepare'
  | 'databaseRetryMs'
  | 'databaseInboxMs'
  | 'splitCalls'
  | 'nodeUrl'
> = {
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
  splitCalls: integer(
    {
      flag: 'split-calls',
      description:
        'Calls per second to one destination that one node is let to do: above 80 % of it, its accounts are divided among nodes; 0: never',
      dev: 2_000,
      start: 2_000,
    },
    { min: 0, max: 1_000_000 },
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
};
