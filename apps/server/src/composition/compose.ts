import { randomInt, randomUUID } from 'node:crypto';
import { DEFAULTS, LIMIT_BOUNDS } from '@ezthrottle/core/protocol';
import { createLoadMeter } from '../admission/load-meter.ts';
import { systemClock } from '../clock.ts';
import { createAuditLog } from '../audit/audit-log.ts';
import { createCommitter } from '../commit/committer.ts';
import { limitsElsewhere } from '../cluster/shares/limits-elsewhere.ts';
import type { Config } from '../config.ts';
import { operatorCaps, operatorPace } from '../config/operator-pace.ts';
import { takenOver } from '../config/take-over.ts';
import { createDeliverer, type Deliverer } from '../deliver/deliverer.ts';
import { createEndpoints, type Endpoints } from '../deliver/endpoints.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import { createDispatcher } from '../dispatch/paced-dispatcher.ts';
import { settingsOfKey } from '../dispatch/shared-key.ts';
import type { DispatcherParts } from '../dispatch/dispatch-ports.ts';
import { guardedExecutor } from '../execute/guarded-executor.ts';
import { createDestinationEdits } from '../limits/destination-edits.ts';
import { createLimitRules } from '../limits/limit-rules.ts';
import { createLimits } from '../limits/limits.ts';
import { createNewId } from '../new-id.ts';
import { createLogger } from '../observe/logger.ts';
import { Outages } from '../observe/outages.ts';
import { createObservation } from '../observe/observation.ts';
import { createJobEventHub } from '../realtime/job-event-hub.ts';
import { openRecorder } from '../recording/open-recorder.ts';
import type { Recorder } from '../recording/recorder.ts';
import { withSecretsInCalls } from '../secrets/secret-executor.ts';
import { createAccountDeletions } from '../privacy/account-deletions.ts';
import { createChance, type PaceSettings } from '@ezthrottle/engine';
import { createApiKeys } from '../tenancy/api-keys.ts';
import { createKeyEnds } from '../tenancy/key-ends.ts';
import { createKeyRing } from '../tenancy/key-ring.ts';
import { createKeyUses } from '../tenancy/key-uses.ts';
import type { AppOptions, RunningApp } from '../app.ts';
import { callsElsewhere } from './calls-elsewhere.ts';
import { createExecutors } from './executors.ts';
import { type Front, openFront } from './front.ts';
import { openState } from './open-state.ts';
import { openTenants } from './open-tenants.ts';
import type { OnClose } from './on-close.ts';
import { reachableUrl } from './reachable-url.ts';
import { refreshes } from './refreshes.ts';
import { regionsOf } from './regions-of.ts';
import { removals } from './removals.ts';

/** Under load, how long writes wait for company, in milliseconds. */
const GATHER_MS = 2;

/** Starts the parts from the store upwards; what is closed last is named first. */
export async function compose(options: AppOptions, onClose: OnClose): Promise<RunningApp> {
  const { config } = options;
  const clock = systemClock;
  const newId = createNewId(clock);
  const outages = new Outages({ clock, logger: () => logger });
  const logger = createLogger({
    level: config.logLevel,
    isToldOtherwise: (details) => outages.takes(details),
  });

  const observation = await createObservation({
    config,
    clock,
    logger,
    environment: options.environment ?? {},
  });
  onClose(() => observation.close());

  const { store, cluster } = await openState(options, { clock, newId, logger, outages }, onClose);
  const committer = createCommitter({
    store,
    gathering: { clock, forMs: GATHER_MS },
    watch: observation.commits,
    onFatal: options.onFatal,
  });
  onClose(() => committer.close());

  const tenancy = { reads: store.tenancy, commit: committer.write.bind(committer), clock };
  const tenants = await openTenants(options, { tenancy, store, newId, logger, cluster });
  const { box, vault, privacy, secrets, signingKeys, signingSecret } = tenants;

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
  const elsewhere =
    cluster === null ? null : callsElsewhere({ config, node: cluster.node, box, clock }, onClose);
  const { circuit, liveRegions, regions } = regionsOf(config, elsewhere?.regions ?? null);
  const localHub = createJobEventHub(config.maxStreams);
  const sharedHub = cluster?.sharedHub(localHub) ?? null;
  const hub = sharedHub ?? localHub;
  const work = {
    ownership: cluster?.node.held,
    peers: cluster?.peers,
    shares: cluster?.shares,
    divided: cluster?.divided,
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
    executor: elsewhere?.over(executors.deliveries) ?? executors.deliveries,
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
  const { maxResponseBytes, stopTimeoutMs } = config;
  const dispatchBounds = {
    maxResponseBytes,
    stopTimeoutMs,
    // A key may wait for a day before it is called again.
    paceKeptMs: Math.max(config.retentionMs, 2 * 86_400_000),
  };
  const recorder = await openRecorder({
    config,
    store,
    clock,
    rules,
    header: {
      seed,
      circuit,
      liveRegions: liveRegions(),
      caps: Object.fromEntries(caps),
      idempotencyWindowMs,
      // What one of several nodes does follows from what the others do as well.
      ...(cluster === null && { turns: dispatchBounds }),
    },
    onError: (error) =>
      logger.error({ event: 'recording_failed', err: error }, 'the recording cannot be written'),
  });
  if (recorder !== null) onClose(() => recorder.close());
  const localCalls = withSecretsInCalls(executors.jobs, {
    vault,
    clock,
    catchUp: cluster?.catchUp,
  });
  const jobCalls = elsewhere?.over(localCalls) ?? localCalls;
  const dispatching: DispatcherParts = {
    ...work,
    ...(recorder !== null && { random: createChance(seed) }),
    meter,
    executor: jobCalls,
    settings: (origin, organization) => rules.destinationPace(organization, origin),
    edits: createDestinationEdits(rules),
    namedLimits: rules,
    caps,
    weightOf: (apiKey) => rules.weightOf(apiKey),
    circuit,
    liveRegions,
    regions,
    notices: hub,
    hasSecrets: (organization) => vault.hasAny(organization),
    keptReport: (organization, report) => privacy.redacted(organization, report),
    deliverer,
    idempotencyWindowMs: config.idempotencyWindowMs,
    deliveryDelaysMs: config.deliveryDelaysMs,
    limits: dispatchBounds,
  };
  const dispatcher = recordedOrNot(dispatching, recorder, cluster === null);
  // What one node does for all is done by whoever holds the first slot.
  const isOurs = cluster === null ? undefined : () => cluster.node.held.has(0);
  const upkeep = { committer, clock, logger, isOurs };
  const apiKeys = createApiKeys({ reads: store.tenancy, clock });
  const keyEnds = createKeyEnds(clock, store.tenancy);
  const keyRing = createKeyRing({
    ...tenancy,
    newId,
    onChanged: (id) => apiKeys.forget(id),
    onWritten: (record) => keyEnds.changed(record),
  });
  const keyUses = createKeyUses({ keys: apiKeys, commit: tenancy.commit, clock, logger });
  const deletions = createAccountDeletions({
    forgetElsewhere: async (organization, userId) => {
      await cluster?.inbox.forgetAccount(organization, userId);
    },
    reads: store.privacy,
    commit: tenancy.commit,
    gate: dispatcher,
    clock,
    isOurs,
    logger,
  });
  await deletions.load();
  const services = [
    deliverer,
    dispatcher,
    keyUses,
    ...removals({ ...upkeep, config, privacy, reads: store.privacy }),
    deletions,
  ];
  if (cluster !== null) onClose(() => cluster.node.giveUp());
  // Together, so that each has the whole time that a stop may take.
  onClose(async () => {
    await Promise.all(services.map((service) => service.stop()));
  });
  for (const service of services) await service.start();
  if (cluster !== null && sharedHub !== null) {
    const refresh = refreshes({
      rules,
      divided: cluster.divided,
      vault,
      privacy,
      deletions,
      endpoints,
      apiKeys,
      keyEnds,
      webhookSecrets: secrets,
      signingKeys,
    });
    rules.onChanged(() => cluster.shares.wake());
    const limitOf = (key: string): PaceSettings | null =>
      settingsOfKey(key, rules, caps, dispatcher.division);
    await cluster.start({ dispatcher, deliverer, hub: sharedHub, limitOf, refresh });
    onClose(() => cluster.node.leave(config.stopTimeoutMs));
  }

  const delivering = withForgetting(endpoints, deliverer);
  const audit = createAuditLog({ ...tenancy, reads: store.audit, newId });
  const front: Front = {
    newId,
    onSurfaces: options.onSurfaces ?? (() => undefined),
    apiKeys,
    keyRing,
    keyEnds,
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
    isOurs,
    divided: cluster?.divided,
    limitsElsewhere:
      cluster === null ? undefined : limitsElsewhere(cluster.shareRows, cluster.node.id),
    redrivesElsewhere:
      cluster === null
        ? undefined
        : {
            tell: () => cluster.peers.redriven(),
            onBegun: (listener) => cluster.onRedrive(listener),
          },
    inbox: config.databaseInboxMs === 0 ? null : (cluster?.inbox ?? null),
    catchUp: cluster === null ? undefined : () => cluster.catchUp(),
    isHearing: () => cluster?.isHearing() ?? null,
    stalledMs: () => committer.stalledMs(),
    destinationsElsewhere: elsewhere?.destinations,
    nodeSurfaces: (answers) =>
      elsewhere?.surfaces(
        guardedExecutor(withSecretsInCalls(executors.others, { vault, clock }), { clock, logger }),
        answers,
      ) ?? [],
    askOwner: elsewhere?.askOwner,
    logger,
    observation,
  };
  const url = await openFront(front, onClose);
  if (cluster !== null) await cluster.node.announce(config.nodeUrl ?? reachableUrl(url));
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

/** Every turn of a server that is alone is recorded; of a node among others, what comes in. */
function recordedOrNot(
  parts: DispatcherParts,
  recorder: Recorder | null,
  isAlone: boolean,
): Dispatcher {
  if (recorder === null) return createDispatcher(parts);
  if (isAlone) return recorder.dispatching(parts, createDispatcher);
  const executor = recorder.watching(parts.executor);
  return createDispatcher({ ...parts, tap: recorder, executor });
}
