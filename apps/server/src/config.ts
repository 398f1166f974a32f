import { ConfigError, type ConfigProblem } from './config/config-error.ts';
import { withoutCredentials } from './config/shown.ts';
import type { RateRules } from './config/rate-rules.ts';
import type { Regions } from './config/region-rules.ts';
import type { Profile, Setting } from './config/setting.ts';
import { withoutServiceLinks } from './config/service-links.ts';
import { SETTINGS } from './config/settings.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** All that a server can be told. `config/settings.ts` has each default, bound and flag. */
export interface Config {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly dataDir: string;
  /** Null: an SQLite file in `dataDir`, one machine. */
  readonly databaseUrl: string | null;
  /** A direct connection, where `databaseUrl` leads through a pool that keeps no sessions. Null: the same. */
  readonly databaseListenUrl: string | null;
  readonly databaseSchema: string;
  /** Connections for jobs; a few more serve the cluster. */
  readonly databasePool: number;
  /** Whether a start brings the tables of the database up to date. */
  readonly migrate: boolean;
  /** Whether nodes tell each other at once what they have written; else they find it by looking. */
  readonly databaseNotify: boolean;
  /** Whether statements are prepared by name. */
  readonly databasePrepare: boolean;
  /** How long the database may be away before a node gives up. */
  readonly databaseRetryMs: number;
  /** How often jobs are looked for that applications have submitted within their transactions; 0: never. */
  readonly databaseInboxMs: number;
  /** Calls per second to one destination that one node is let to do before it is divided by account; 0: it never is. */
  readonly splitCalls: number;
  /** Where other nodes reach this one; null: worked out from `host` and the port. */
  readonly nodeUrl: string | null;
  /** Null: `dev` makes one and keeps it in `dev.json`. */
  readonly apiKey: string | null;
  /** 32 bytes in base64. Null: as above. */
  readonly masterKey: string | null;
  /** As `masterKey`: they open what they have sealed, and seal nothing. */
  readonly formerMasterKeys: readonly string[];
  /** `whsec_` and base64. Null: whatever is stored; `dev` makes one. */
  readonly signingSecret: string | null;
  readonly allowLoopbackTargets: boolean;
  readonly allowPrivateTargets: boolean;
  /** Addresses, ranges and host names that may be called in any case. */
  readonly allowTargets: readonly string[];
  /** Addresses and ranges that are never called. */
  readonly denyTargets: readonly string[];
  /** `address` or `address:port`. Empty: the system's resolver. */
  readonly dnsServers: readonly string[];
  /** Its proxies hold passwords. */
  readonly regions: Regions;
  readonly rates: RateRules;
  /** Over all organizations together. */
  readonly caps: RateRules;
  /** 0: no destination is taken for down. */
  readonly circuitFailures: number;
  readonly circuitWindowMs: number;
  readonly circuitOpenMs: number;
  readonly circuitMaxOpenMs: number;
  readonly circuitRampMs: number;
  readonly logLevel: LogLevel;
  readonly accessLog: boolean;
  /** Where metrics are served; null: nowhere, and nothing is counted. */
  readonly metrics: ListenAddress | null;
  readonly metricsToken: string | null;
  readonly metricsNames: number;
  /** Where traces are sent; null: nowhere. */
  readonly otlpEndpoint: string | null;
  /** Of the submits that no caller has decided about. */
  readonly traceSamplePercent: number;
  /** A module of lifecycle hooks; null: none. */
  readonly hooks: string | null;
  readonly maxBodyBytes: number;
  readonly maxResponseBytes: number;
  readonly retentionMs: number;
  readonly auditRetentionMs: number;
  readonly idempotencyWindowMs: number;
  readonly deliveryDelaysMs: readonly number[];
  readonly deliveryGiveUpMs: number;
  /** Per second, to one endpoint. 0: as many as it bears. */
  readonly deliveryRate: number;
  /** 0: no bound. */
  readonly maxBacklog: number;
  /** 0: no bound. */
  readonly maxOrganizationBacklog: number;
  /** 0: no bound. */
  readonly maxAccountBacklog: number;
  /** 0: no bound. */
  readonly memoryLimitMb: number;
  /** 0: no bound. */
  readonly dbMaxBytes: number;
  readonly retryAfterSeconds: number;
  readonly maxStreams: number;
  readonly stopTimeoutMs: number;
  /** File into which what comes in is recorded; null: nothing is. */
  readonly recording: string | null;
  readonly recordingMaxBytes: number;
}

export interface ListenAddress {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

export type ConfigKey = keyof Config;

/** Where values come from, the strongest first: flags, environment, file, defaults. */
export interface ConfigSources {
  /** By flag name without dashes: text, true or false for a switch, several texts for a list. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A parsed JSON object whose keys are those of `Config`. */
  readonly file?: { readonly path: string; readonly content: unknown };
  /** Reads the file that an environment variable `EZTHROTTLE_…_FILE` names. */
  readonly readSecretFile?: (path: string) => string;
}

type Found = { readonly where: string; readonly raw: unknown };

/** What the sources give, taken together, right or wrong. */
export interface ConfigReading {
  /** Where a source is wrong or silent: the default. */
  readonly config: Config;
  /** The source of each value that is not the default, such as `--port` or `EZTHROTTLE_PORT`. */
  readonly origins: ReadonlyMap<ConfigKey, string>;
  readonly problems: readonly ConfigProblem[];
}

/**
 * One frozen configuration out of all sources.
 *
 * @throws ConfigError that names every problem and where each came from.
 */
export function readConfig(profile: Profile, sources: ConfigSources): Config {
  const { config, problems } = readSettings(profile, sources);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** Variables that look like settings and are none: mistyped, or meant for another tool. */
export function unknownVariables(environment: ConfigSources['environment']): readonly string[] {
  const settings: readonly Setting<unknown>[] = Object.values(SETTINGS);
  const known = new Set(settings.map((setting) => setting.environment));
  for (const { secret, environment: name } of settings) if (secret) known.add(`${name}_FILE`);
  return Object.keys(withoutServiceLinks(environment ?? {}))
    .filter((name) => name.startsWith('EZTHROTTLE_') && !known.has(name) && !OF_CLIENTS.has(name))
    .toSorted();
}

/** What the commands that call a server, and its clients, read. */
const OF_CLIENTS: ReadonlySet<string> = new Set(['EZTHROTTLE_URL']);

/** The same with the source of each value, and with the problems beside it. Never throws. */
export function readSettings(profile: Profile, given: ConfigSources): ConfigReading {
  const sources = { ...given, environment: withoutServiceLinks(given.environment ?? {}) };
  const problems: ConfigProblem[] = [...unknownFileKeys(sources.file)];
  const origins = new Map<ConfigKey, string>();

  function take<K extends ConfigKey>(key: K): Config[K] {
    const setting: Setting<Config[K]> = SETTINGS[key];
    const found = find(key, profile, setting, sources, problems);
    if (found === null) {
      if (setting.requiredBy.includes(profile)) {
        problems.push({
          where: `--${setting.flag}`,
          message: 'is missing',
          expected: `${describeSources(key, setting)}: ${setting.description}`,
        });
      }
      return setting.defaults[profile];
    }
    const reading = setting.read(found.raw, profile);
    if (reading.ok) {
      origins.set(key, found.where);
      return reading.value;
    }
    const shown = setting.secret ? '' : ` (${show(found.raw)})`;
    problems.push({
      where: found.where,
      message: `has a wrong value${shown}`,
      expected: reading.expected,
    });
    return setting.defaults[profile];
  }

  const config: Config = {
    host: take('host'),
    port: take('port'),
    dataDir: take('dataDir'),
    databaseUrl: take('databaseUrl'),
    databaseListenUrl: take('databaseListenUrl'),
    databaseSchema: take('databaseSchema'),
    databasePool: take('databasePool'),
    migrate: take('migrate'),
    databaseNotify: take('databaseNotify'),
    databasePrepare: take('databasePrepare'),
    databaseRetryMs: take('databaseRetryMs'),
    databaseInboxMs: take('databaseInboxMs'),
    splitCalls: take('splitCalls'),
    nodeUrl: take('nodeUrl'),
    apiKey: take('apiKey'),
    masterKey: take('masterKey'),
    formerMasterKeys: take('formerMasterKeys'),
    signingSecret: take('signingSecret'),
    allowLoopbackTargets: take('allowLoopbackTargets'),
    allowPrivateTargets: take('allowPrivateTargets'),
    allowTargets: take('allowTargets'),
    denyTargets: take('denyTargets'),
    dnsServers: take('dnsServers'),
    regions: take('regions'),
    rates: take('rates'),
    caps: take('caps'),
    circuitFailures: take('circuitFailures'),
    circuitWindowMs: take('circuitWindowMs'),
    circuitOpenMs: take('circuitOpenMs'),
    circuitMaxOpenMs: take('circuitMaxOpenMs'),
    circuitRampMs: take('circuitRampMs'),
    logLevel: take('logLevel'),
    accessLog: take('accessLog'),
    metrics: take('metrics'),
    metricsToken: take('metricsToken'),
    metricsNames: take('metricsNames'),
    otlpEndpoint: take('otlpEndpoint'),
    traceSamplePercent: take('traceSamplePercent'),
    hooks: take('hooks'),
    maxBodyBytes: take('maxBodyBytes'),
    maxResponseBytes: take('maxResponseBytes'),
    retentionMs: take('retentionMs'),
    auditRetentionMs: take('auditRetentionMs'),
    idempotencyWindowMs: take('idempotencyWindowMs'),
    deliveryDelaysMs: take('deliveryDelaysMs'),
    deliveryGiveUpMs: take('deliveryGiveUpMs'),
    deliveryRate: take('deliveryRate'),
    maxBacklog: take('maxBacklog'),
    maxOrganizationBacklog: take('maxOrganizationBacklog'),
    maxAccountBacklog: take('maxAccountBacklog'),
    memoryLimitMb: take('memoryLimitMb'),
    dbMaxBytes: take('dbMaxBytes'),
    retryAfterSeconds: take('retryAfterSeconds'),
    maxStreams: take('maxStreams'),
    stopTimeoutMs: take('stopTimeoutMs'),
    recording: take('recording'),
    recordingMaxBytes: take('recordingMaxBytes'),
  };
  // Where the data is comes first.
  problems.unshift(...placeProblems(profile, config, problems));
  return { config: Object.freeze(config), origins, problems };
}

/** A server has to be told where its data is: a folder or a database. */
function placeProblems(
  profile: Profile,
  { dataDir, databaseUrl }: Config,
  known: readonly ConfigProblem[],
): readonly ConfigProblem[] {
  if (profile !== 'start' || dataDir !== '' || databaseUrl !== null) return [];
  const { dataDir: folder, databaseUrl: database } = SETTINGS;
  const names = [
    `--${folder.flag}`,
    `--${database.flag}`,
    folder.environment,
    database.environment,
  ];
  if (
    known.some(({ where }) => names.includes(where) || /: (?:dataDir|databaseUrl)$/.test(where))
  ) {
    return [];
  }
  return [
    {
      where: `--${folder.flag}`,
      message: 'is missing',
      expected: `${describeSources('dataDir', folder)}: ${folder.description}; or ${describeSources('databaseUrl', database)}`,
    },
  ];
}

function find(
  key: ConfigKey,
  profile: Profile,
  setting: Pick<Setting<unknown>, 'flag' | 'environment' | 'environmentOf' | 'secret'>,
  sources: ConfigSources,
  problems: ConfigProblem[],
): Found | null {
  const flag = sources.flags?.[setting.flag];
  if (flag !== undefined) return { where: `--${setting.flag}`, raw: flag };

  const environment = setting.environmentOf.includes(profile) ? sources.environment : undefined;
  const variable = environment?.[setting.environment];
  if (variable !== undefined && variable !== '')
    return { where: setting.environment, raw: variable };

  const fileVariable = `${setting.environment}_FILE`;
  const secretPath = setting.secret ? environment?.[fileVariable] : undefined;
  if (secretPath !== undefined && secretPath !== '' && sources.readSecretFile !== undefined) {
    try {
      return { where: fileVariable, raw: sources.readSecretFile(secretPath).trim() };
    } catch (error) {
      problems.push({
        where: fileVariable,
        message: `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        expected: 'the path of a file that this process may read',
      });
      return null;
    }
  }

  const content = sources.file?.content;
  if (sources.file !== undefined && isObject(content) && Object.hasOwn(content, key)) {
    return { where: `${sources.file.path}: ${key}`, raw: content[key] };
  }
  return null;
}

function unknownFileKeys(file: ConfigSources['file']): readonly ConfigProblem[] {
  if (file === undefined) return [];
  if (!isObject(file.content)) {
    return [{ where: file.path, message: 'is not an object', expected: 'one JSON object' }];
  }
  return Object.keys(file.content)
    .filter((key) => !Object.hasOwn(SETTINGS, key))
    .map((key) => ({
      where: `${file.path}: ${withoutCredentials(key)}`,
      message: 'is not a setting',
      expected: `one of ${Object.keys(SETTINGS).join(', ')}`,
    }));
}

function describeSources(key: ConfigKey, setting: Setting<unknown>): string {
  return `--${setting.flag}, ${setting.environment} or "${key}" in the file`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(raw: unknown): string {
  const text = typeof raw === 'string' ? raw : JSON.stringify(raw);
  // Before it is cut: where the @ is gone nothing could be told apart any more.
  const shown = withoutCredentials(text);
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}
