import { randomInt, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DEFAULTS, LIMIT_BOUNDS } from '@ezthrottle/core/protocol';
import {
  type CircuitPolicy,
  DEFAULT_CIRCUIT,
  type Executor,
  type LiveRegions,
  type Store,
} from '@ezthrottle/engine';
import { createAdmission } from './admission/admission.ts';
import { createLoadMeter, type LoadMeter } from './admission/load-meter.ts';
import { createJobCounts, healthRoute, readyRoute } from './api/health.ts';
import { createHttpServer } from './api/http-server.ts';
import { createNativeSurface } from './api/native-surface.ts';
import type { Surface } from './api/route.ts';
import { withDocument } from './api/openapi/openapi-route.ts';
import { systemClock } from './clock.ts';
import { type AuditLog, createAuditLog } from './audit/audit-log.ts';
import { createCommitter } from './commit/committer.ts';
import type { Config, ConfigKey } from './config.ts';
import { operatorCaps, operatorPace } from './config/operator-pace.ts';
import { takenOver } from './config/take-over.ts';
import { createDeadLetters } from './dead-letters/dead-letters.ts';
import type { Commit } from './tenancy/committing.ts';
import { createDeliverer, type Deliverer } from './deliver/deliverer.ts';
import { createEndpoints, type Endpoints } from './deliver/endpoints.ts';
import { createDispatcher, type Dispatcher } from './dispatch/dispatcher.ts';
import { createUndiciExecutor } from './execute/undici-executor.ts';
import { createDestinationEdits } from './limits/destination-edits.ts';
import { createLimitRules, type LimitRules } from './limits/limit-rules.ts';
import { createLimits, type Limits } from './limits/limits.ts';
import { createAddressPolicy } from './net/address-policy.ts';
import { resolveBySystem } from './net/checked-host.ts';
import { createNameServers } from './net/name-servers.ts';
import { createNewId } from './new-id.ts';
import { createLogger } from './observe/logger.ts';
import { createObservation, type Observation } from './observe/observation.ts';
import { createJobEventHub, type JobEventHub } from './realtime/job-event-hub.ts';
import { openRecorder } from './recording/open-recorder.ts';
import { regionViews } from './regions/region-views.ts';
import { createRegionWatch, type RegionWatch } from './regions/region-watch.ts';
import { withSecretsInCalls } from './secrets/secret-executor.ts';
import { createSecretVault, type SecretVault } from './secrets/secret-vault.ts';
import { type AccountDeletions, createAccountDeletions } from './privacy/account-deletions.ts';
import { createPrivacySettings, type PrivacySettings } from './privacy/privacy-settings.ts';
import { createSweeper } from './privacy/sweeper.ts';
import { createChance } from './simulate/chance.ts';
import { openSqliteStore, type SqliteStoreOptions } from './store/sqlite/sqlite-store.ts';
import { type ApiKeys, createApiKeys } from './tenancy/api-keys.ts';
import { createKeyRing, type KeyRing } from './tenancy/key-ring.ts';
import { createKeyUses } from './tenancy/key-uses.ts';
import { provision } from './tenancy/provision.ts';
import { createSecretBox } from './tenancy/secret-box.ts';
import { createSigningKeys, type SigningKeys } from './tenancy/signing-keys.ts';
import { createSigningSecrets, type SigningSecrets } from './tenancy/signing-secrets.ts';
import { createPruner } from './upkeep/pruner.ts';
import { VERSION } from './version.ts';

/** What opens, signs and seals. Nothing of it is written to disk in the clear by the app. */
export interface AppKeys {
  readonly apiKey: string;
  /** 32 bytes in base64. */
  readonly masterKey: string;
  /** Stored when no signing secret is stored yet. */
  readonly signingSecret: string | null;
  /** Hash of an API key that `apiKey` replaces: it opens nothing from now on. Default: none. */
  readonly formerKeyHash?: string | null;
}

export interface AppOptions {
  readonly config: Config;
  /** Absolute path of a folder that exists. */
  readonly dataDir: string;
  readonly keys: AppKeys;
  /** A stored signing secret that another master key sealed is given up instead of an error. Default false. */
  readonly replaceUnreadableSecrets?: boolean;
  /** Where OpenTelemetry's own variables are looked for. Default: nowhere. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What opens the store. Default: `openSqliteStore`. */
  readonly openStore?: (options: SqliteStoreOptions) => Promise<Store>;
  /** Told what is served, before the port is open. */
  readonly onSurfaces?: (surfaces: readonly Surface[]) => void;
  /** The store failed: what is in memory is ahead of the disk, and the process has to end. */
  readonly onFatal: (error: Error) => void;
}

export interface RunningApp {
  /**
   * Takes over what may change while it runs, for calls from now on.
   *
   * @returns Settings that differ and are not in force before the next start.
   */
  reload(config: Config): Promise<readonly ConfigKey[]>;
  /** Where it listens, for example `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The secret that signs webhooks; null when there is none. */
  readonly signingSecret: string | null;
}

export interface App {
  /** Opens the store, goes on with the jobs in it, and listens. On an error everything is closed again. */
  start(): Promise<RunningApp>;
  /** Takes no more requests, lets calls under way end within the configured bound, closes the store. */
  stop(): Promise<void>;
}

/** The whole server, put together. This is the only file that knows which part is what. */
export function createApp(options: AppOptions): App {
  const closers: (() => Promise<void> | void)[] = [];
  let starting: Promise<RunningApp> | null = null;
  let stopping: Promise<void> | null = null;

  async function closeAll(): Promise<void> {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  }

  async function startOrClose(): Promise<RunningApp> {
    try {
      return await compose(options, (close) => closers.push(close));
    } catch (error) {
      await closeAll();
      throw error;
    }
  }

  return {
    start() {
      starting ??= startOrClose();
      return starting;
    },
    stop() {
      stopping ??= (async () => {
        await starting?.catch(() => undefined);
        await closeAll();
      })();
      return stopping;
    },
  };
}

/** Under load, how long writes wait for company, in milliseconds. */
const GATHER_MS = 2;

const newId = createNewId(systemClock);

type OnClose = (close: () => Promise<void> | void) => void;

/** Starts the parts from the store upwards; what is closed last is named first. */
async function compose(options: AppOptions, onClose: OnClose): Promise<RunningApp> {
  const { config, dataDir, keys } = options;
  const clock = systemClock;
  const logger = createLogger({ level: config.logLevel });

  const observation = await createObservation({
    config,
    clock,
    logger,
    environment: options.environment ?? {},
  });
  onClose(() => observation.close());

  const store = await (options.openStore ?? openSqliteStore)({
    file: join(dataDir, 'ezthrottle.db'),
    clock,
    logger,
  });
  onClose(() => store.close());
  const committer = createCommitter({
    store,
    gathering: { clock, forMs: GATHER_MS },
    watch: observation.commits,
    onFatal: options.onFatal,
  });
  onClose(() => committer.close());

  const tenancy = { reads: store.tenancy, commit: committer.write.bind(committer), clock };
  const box = createSecretBox(keys.masterKey, config.formerMasterKeys);
  const vault = createSecretVault({ ...tenancy, box });
  await vault.load();
  const privacy = createPrivacySettings({ reads: store.privacy, commit: tenancy.commit });
  await privacy.load();
  const secrets = createSigningSecrets({ ...tenancy, box });
  const signingKeys = createSigningKeys({ ...tenancy, box });
  const { signingSecret } = await provision({
    ...tenancy,
    secrets,
    newId,
    apiKey: keys.apiKey,
    formerKeyHash: keys.formerKeyHash ?? null,
    signingSecret: keys.signingSecret,
    replaceUnreadable: options.replaceUnreadableSecrets ?? false,
  });
  if (signingSecret === null)
    logger.warn(
      { event: 'no_signing_secret' },
      'no signing secret is set: webhooks go out unsigned',
    );

  let inForce = config;
  const rules = createLimitRules({
    limits: store.limits,
    tenancy: store.tenancy,
    paceOf: (origin) => operatorPace(inForce, origin),
  });
  await rules.load();
  const limits = createLimits({
    reads: store.limits,
    rules,
    commit: tenancy.commit,
    clock,
    mostPerOrganization: LIMIT_BOUNDS.perOrganization,
  });

  const executors = createExecutors(config, onClose);
  const { circuit, liveRegions, regions } = regionsOf(config);
  const hub = createJobEventHub(config.maxStreams);
  const work = {
    store,
    committer,
    clock,
    random: Math.random,
    newToken: () => randomUUID(),
    logger,
    signals: observation.signals,
    tracing: observation.tracing,
  };
  const endpoints = createEndpoints({ reads: store.deliveries, commit: tenancy.commit, clock });
  await endpoints.load();
  const deliverer = createDeliverer({
    ...work,
    endpoints,
    signingKeysOf: (organization) => signingKeys.seedsOf(organization),
    liveRegions,
    regions,
    ratePerSecond: config.deliveryRate === 0 ? null : config.deliveryRate,
    executor: executors.deliveries,
    secretsOf: (organization) => secrets.secretsOf(organization),
    delaysMs: config.deliveryDelaysMs,
    giveUpMs: config.deliveryGiveUpMs,
    timeoutMs: DEFAULTS.deliveryTimeoutMs,
    stopTimeoutMs: config.stopTimeoutMs,
  });
  const meter = createLoadMeter({ clock, countsAccounts: countsAccounts(config) });
  if (countsAccounts(config)) meter.restore(await store.jobs.liveByAccount());
  const seed = randomInt(2 ** 32);
  const caps = operatorCaps(config);
  const { idempotencyWindowMs } = config;
  const recorder = await openRecorder({
    config,
    store,
    clock,
    rules,
    header: { seed, circuit, liveRegions, caps: Object.fromEntries(caps), idempotencyWindowMs },
    onError: (error) =>
      logger.error({ event: 'recording_failed', err: error }, 'the recording cannot be written'),
  });
  if (recorder !== null) onClose(() => recorder.close());
  const jobCalls = withSecretsInCalls(executors.jobs, { vault, clock });
  const dispatcher = createDispatcher({
    ...work,
    ...(recorder !== null && { random: createChance(seed), tap: recorder }),
    meter,
    executor: recorder === null ? jobCalls : recorder.watching(jobCalls),
    settings: (origin, organization) => rules.destinationPace(organization, origin),
    edits: createDestinationEdits(rules),
    namedLimits: rules,
    caps,
    weightOf: (apiKey) => rules.weightOf(apiKey),
    circuit,
    liveRegions,
    regions,
    notices: hub,
    keptReport: (organization, report) => privacy.redacted(organization, report),
    deliverer,
    idempotencyWindowMs: config.idempotencyWindowMs,
    deliveryDelaysMs: config.deliveryDelaysMs,
    limits: { maxResponseBytes: config.maxResponseBytes, stopTimeoutMs: config.stopTimeoutMs },
  });
  const pruner = createPruner({ committer, clock, logger, retentionMs: config.retentionMs });
  const apiKeys = createApiKeys({ reads: store.tenancy, clock });
  const keyRing = createKeyRing({ ...tenancy, newId, onChanged: (id) => apiKeys.forget(id) });
  const keyUses = createKeyUses({ keys: apiKeys, commit: tenancy.commit, clock, logger });
  const auditPruner = createPruner({
    committer,
    clock,
    logger,
    retentionMs: config.auditRetentionMs,
    everyMs: 60_000,
    removal: (before, limit) => ({ type: 'prune_audit', before, limit }),
  });
  const redrivePruner = createPruner({
    committer,
    clock,
    logger,
    retentionMs: config.retentionMs,
    everyMs: 60_000,
    stepRows: 1,
    removal: (before, limit) => ({ type: 'prune_redrives', before, limit }),
  });
  const sweeper = createSweeper({
    settings: privacy,
    reads: store.privacy,
    committer,
    clock,
    logger,
  });
  const deletions = createAccountDeletions({
    reads: store.privacy,
    commit: tenancy.commit,
    gate: dispatcher,
    clock,
    logger,
  });
  await deletions.load();
  const services = [
    deliverer,
    dispatcher,
    pruner,
    keyUses,
    auditPruner,
    redrivePruner,
    sweeper,
    deletions,
  ];
  // Together, so that each has the whole time that a stop may take.
  onClose(async () => {
    await Promise.all(services.map((service) => service.stop()));
  });
  for (const service of services) await service.start();

  const delivering = withForgetting(endpoints, deliverer);
  const audit = createAuditLog({ ...tenancy, reads: store.audit, newId });
  const front = {
    onSurfaces: options.onSurfaces ?? (() => undefined),
    apiKeys,
    keyRing,
    audit,
    vault,
    commit: tenancy.commit,
    deliverer,
    privacy,
    deletions,
    endpoints: delivering,
    signingKeys,
    config,
    store,
    dispatcher,
    limits,
    rules,
    liveRegions,
    regions,
    hub,
    secrets,
    meter,
    logger,
    observation,
  };
  const url = await listen(front, onClose);
  const stopObserving = await observation.open({
    jobs: () => store.jobs.counts(),
    oldestReadyAt: () => store.work.oldestReadyAt(),
    storeBytes: () => store.bytes(),
    destinations: () => dispatcher.states(),
    stateOf: (organization, origin) => dispatcher.stateOf(organization, origin),
    limit: (organization, name) => dispatcher.limitStateOf(organization, name),
    calls: () => dispatcher.counts(),
    deliveries: () => deliverer.counts(),
  });
  onClose(stopObserving);
  return {
    url,
    signingSecret,
    async reload(wanted) {
      const change = takenOver(inForce, wanted);
      inForce = change.config;
      logger.level = inForce.logLevel;
      await rules.operatorChanged(change.origins);
      return change.left;
    },
  };
}

interface Front {
  readonly onSurfaces: (surfaces: readonly Surface[]) => void;
  readonly audit: AuditLog;
  readonly commit: Commit;
  readonly deliverer: Deliverer;
  readonly config: Config;
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly limits: Limits;
  readonly rules: LimitRules;
  readonly liveRegions: LiveRegions;
  readonly regions: RegionWatch | undefined;
  readonly hub: JobEventHub;
  readonly secrets: SigningSecrets;
  readonly signingKeys: SigningKeys;
  readonly apiKeys: ApiKeys;
  readonly keyRing: KeyRing;
  readonly vault: SecretVault;
  readonly privacy: PrivacySettings;
  readonly deletions: AccountDeletions;
  readonly endpoints: Endpoints;
  readonly meter: LoadMeter;
  readonly logger: Pick<ReturnType<typeof createLogger>, 'debug' | 'error'>;
  readonly observation: Observation;
}

/** Puts the API in front of the parts and opens the port; gives the address. */
async function listen(parts: Front, onClose: OnClose): Promise<string> {
  const { config, store, dispatcher, limits, rules, hub, secrets, meter, logger } = parts;
  const clock = systemClock;
  const counts = createJobCounts(store.jobs, clock);
  const admission = createAdmission({
    clock,
    meter,
    backlog: async () => {
      const { pending, scheduled, processing } = await counts.get();
      return pending + scheduled + processing;
    },
    residentBytes: () => process.memoryUsage.rss(),
    storeBytes: () => store.bytes(),
    limits: {
      memoryMb: config.memoryLimitMb,
      storeBytes: config.dbMaxBytes,
      backlog: config.maxBacklog,
      organizationBacklog: config.maxOrganizationBacklog,
      accountBacklog: config.maxAccountBacklog,
    },
    retryAfterSeconds: config.retryAfterSeconds,
    maxBodyBytes: config.maxBodyBytes,
    onRefused: parts.observation.refused,
  });
  const dead = createDeadLetters({
    store,
    commit: parts.commit,
    gate: dispatcher,
    rules,
    vault: parts.vault,
    endpoints: parts.endpoints,
    deliverer: parts.deliverer,
    admission,
    audit: parts.audit,
    clock,
    newId,
    // A dead job is sent again once for as long as it is kept.
    windowMs: Math.max(config.idempotencyWindowMs, config.retentionMs),
    logger,
  });
  onClose(() => dead.redrives.stop());
  await dead.redrives.start();
  const native = createNativeSurface({
    tracing: parts.observation.tracing,
    gate: dispatcher,
    jobs: store.jobs,
    hub,
    secrets,
    signingKeys: parts.signingKeys,
    keyRing: parts.keyRing,
    vault: parts.vault,
    privacy: parts.privacy,
    deletions: parts.deletions,
    retentionMs: config.retentionMs,
    endpoints: parts.endpoints,
    limits,
    rules,
    apiKeys: store.tenancy,
    states: {
      stateOf: (organization, key) =>
        key.kind === 'destination'
          ? dispatcher.stateOf(organization, key.origin)
          : dispatcher.limitStateOf(organization, key.key),
    },
    admission,
    liveRegions: parts.liveRegions,
    audit: parts.audit,
    dead,
    dispatcher,
    downRegions: () =>
      (parts.regions?.states() ?? []).flatMap(({ name, state }) =>
        state === 'down' ? [name] : [],
      ),
    clock,
    newId,
    idempotencyWindowMs: config.idempotencyWindowMs,
  });
  let isStopping = false;
  const load = {
    oldestReadyAt: () => store.work.oldestReadyAt(),
    calls: () => dispatcher.counts(),
    deliveries: () => parts.deliverer.counts(),
  };
  const health = healthRoute({
    clock,
    load,
    version: VERSION,
    counts,
    admission: () => admission.report(),
    regions: () => regionViews(config.regions, parts.regions),
  });
  const ready = readyRoute({
    isStopping: () => isStopping,
    readStore: () => store.work.nextDueAt(),
  });
  const surfaces = withDocument([native.surface, { prefix: '', routes: [health, ready] }], VERSION);
  parts.onSurfaces(surfaces);
  const server = await createHttpServer({
    surfaces,
    apiKeys: parts.apiKeys,
    clock,
    maxBodyBytes: config.maxBodyBytes,
    stopTimeoutMs: config.stopTimeoutMs,
    onAnswered: parts.observation.answered,
    report: (error, requestId, fault) => {
      if (fault === 'server')
        logger.error({ event: 'request_failed', err: error, requestId }, 'a request failed');
      else logger.debug({ event: 'client_gone', requestId }, 'a client hung up within its request');
    },
  });
  onClose(() => {
    isStopping = true;
    native.streams.close();
    native.endWaits.close();
    return server.close();
  });
  return server.listen(config.host, config.port);
}

/** An endpoint that its owner enables again starts afresh. */
function withForgetting(endpoints: Endpoints, deliverer: Pick<Deliverer, 'forget'>): Endpoints {
  return {
    ...endpoints,
    async setEnabled(organization, endpointId, isEnabled, by) {
      const changed = await endpoints.setEnabled(organization, endpointId, isEnabled, by);
      if (changed !== null && isEnabled) deliverer.forget(organization, changed.url);
      return changed;
    },
  };
}

/** Counting accounts costs memory, and a look at all that is unfinished at the start. */
function countsAccounts({ maxOrganizationBacklog, maxAccountBacklog }: Config): boolean {
  return maxOrganizationBacklog + maxAccountBacklog > 0;
}

/** Jobs and deliveries have connections of their own, so that neither waits for the other's. */
function createExecutors(
  config: Config,
  onClose: OnClose,
): { readonly jobs: Executor; readonly deliveries: Executor } {
  const policy = createAddressPolicy({
    allowPrivate: config.allowPrivateTargets,
    allow: [...config.allowTargets, ...(config.allowLoopbackTargets ? LOOPBACK : [])],
    deny: config.denyTargets,
  });
  const egresses = new Map(
    config.regions === 'any' ? [] : config.regions.map(({ name, egress }) => [name, egress]),
  );
  const { dnsServers } = config;
  const resolve = dnsServers.length === 0 ? resolveBySystem : createNameServers(dnsServers);
  const create = (): Executor => {
    const executor = createUndiciExecutor({ clock: systemClock, policy, egresses, resolve });
    onClose(() => executor.close());
    return executor;
  };
  return { jobs: create(), deliveries: create() };
}

/** When destinations and regions are taken for down. One region has none to give way to. */
function regionsOf(config: Config): {
  readonly circuit: CircuitPolicy | null;
  readonly liveRegions: LiveRegions;
  readonly regions: RegionWatch | undefined;
} {
  const policy: CircuitPolicy = {
    failures: config.circuitFailures,
    spanMs: config.circuitWindowMs,
    probeAfterMs: config.circuitOpenMs,
    maxProbeAfterMs: Math.max(config.circuitOpenMs, config.circuitMaxOpenMs),
    rampMs: config.circuitRampMs,
  };
  const circuit = policy.failures === 0 ? null : policy;
  if (config.regions === 'any') return { circuit, liveRegions: 'any', regions: undefined };
  const names = config.regions.map(({ name }) => name);
  const options = { regions: names, clock: systemClock, policy: circuit ?? DEFAULT_CIRCUIT };
  return { circuit, liveRegions: names, regions: createRegionWatch(options) };
}

const LOOPBACK = ['127.0.0.0/8', '::1'] as const;
