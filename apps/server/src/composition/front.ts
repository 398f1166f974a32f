import type { LiveRegions, Store } from '@ezthrottle/engine';
import { createAdmission } from '../admission/admission.ts';
import type { LoadMeter } from '../admission/load-meter.ts';
import { createJobCounts, healthRoute, liveRoute, readyRoute } from '../api/health.ts';
import { type AskOwner, createExplain, type ExplainOptions } from '../api/jobs/explain-job.ts';
import { createHttpServer } from '../api/http-server.ts';
import { createNativeSurface } from '../api/native-surface.ts';
import type { Surface } from '../api/route.ts';
import { withDocument } from '../api/openapi/openapi-route.ts';
import { systemClock } from '../clock.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { DividedKeys } from '../cluster/division/divided-keys.ts';
import type { Config } from '../config.ts';
import { createDeadLetters } from '../dead-letters/dead-letters.ts';
import type { Commit } from '../tenancy/committing.ts';
import type { Deliverer } from '../deliver/deliverer.ts';
import type { Endpoints } from '../deliver/endpoints.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { LimitRules } from '../limits/limit-rules.ts';
import type { Answers } from '../cluster/questions/questions-surface.ts';
import { statesOfDestinations } from '../limits/destination-states.ts';
import type { DestinationsElsewhere, LimitsElsewhere } from '../limits/limit-state.ts';
import type { Limits } from '../limits/limits.ts';
import type { InboxRows } from '../inbox/inbox-rows.ts';
import type { createLogger } from '../observe/logger.ts';
import type { Observation } from '../observe/observation.ts';
import type { JobEventHub } from '../realtime/job-event-hub.ts';
import { regionViews } from '../regions/region-views.ts';
import type { RegionWatch } from '../regions/region-watch.ts';
import type { SecretVault } from '../secrets/secret-vault.ts';
import type { AccountDeletions } from '../privacy/account-deletions.ts';
import type { PrivacySettings } from '../privacy/privacy-settings.ts';
import type { ApiKeys } from '../tenancy/api-keys.ts';
import type { KeyEnds } from '../tenancy/key-ends.ts';
import type { KeyRing } from '../tenancy/key-ring.ts';
import type { SigningKeys } from '../tenancy/signing-keys.ts';
import type { SigningSecrets } from '../tenancy/signing-secrets.ts';
import { VERSION } from '../version.ts';
import type { Id } from '@ezthrottle/engine';
import type { OnClose } from './on-close.ts';
import { inboxDrain } from './inbox-drain-of.ts';

/** What the API is put in front of. */
export interface Front {
  readonly newId: () => Id;
  readonly onSurfaces: (surfaces: readonly Surface[]) => void;
  readonly audit: AuditLog;
  readonly commit: Commit;
  readonly deliverer: Deliverer;
  readonly config: Config;
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly limits: Limits;
  readonly rules: LimitRules;
  readonly liveRegions: () => LiveRegions;
  readonly regions: RegionWatch | undefined;
  readonly hub: JobEventHub;
  readonly secrets: SigningSecrets;
  readonly signingKeys: SigningKeys;
  readonly apiKeys: ApiKeys;
  readonly keyRing: KeyRing;
  readonly keyEnds: KeyEnds;
  readonly vault: SecretVault;
  readonly privacy: PrivacySettings;
  readonly deletions: AccountDeletions;
  readonly endpoints: Endpoints;
  readonly meter: LoadMeter;
  /** Reads what other nodes have changed. Absent: there are none. */
  readonly catchUp: (() => Promise<void>) | undefined;
  /** Whether this node hears the others; null: there is nobody to be heard. */
  readonly isHearing: () => boolean | null;
  /** For how long a write has been under way. */
  readonly stalledMs: () => number;
  /** What nodes ask of each other. */
  readonly nodeSurfaces: (answers: Answers) => readonly Surface[];
  /** Absent: there are no other nodes. */
  readonly askOwner: AskOwner | undefined;
  /** Whether this node, of several, does what one of them does. Absent: there is only this one. */
  readonly isOurs: (() => boolean) | undefined;
  /** Redrives that are begun at one node and sent by another. Absent: there are no others. */
  readonly redrivesElsewhere:
    | { readonly tell: () => void; readonly onBegun: (listener: () => void) => void }
    | undefined;
  /** How limits stand at other nodes. Absent: there are none. */
  readonly limitsElsewhere: LimitsElsewhere | undefined;
  readonly destinationsElsewhere: DestinationsElsewhere | undefined;
  /** Destinations that are divided among nodes. */
  readonly divided: Pick<DividedKeys, 'partsOf'> | undefined;
  /** Where jobs come in beside the API; null: nowhere. */
  readonly inbox: InboxRows | null;
  readonly logger: Pick<ReturnType<typeof createLogger>, 'debug' | 'info' | 'warn' | 'error'>;
  readonly observation: Observation;
}

/** What happens at another node may not be told: it is looked for as often, in milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** A write that takes longer stands still, in milliseconds: who comes now would wait as well. */
const STALLED_MS = 3_000;

/** Puts the API in front of the parts and opens the port; gives the address. */
export async function openFront(parts: Front, onClose: OnClose): Promise<string> {
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
    deletions: parts.deletions,
    endpoints: parts.endpoints,
    deliverer: parts.deliverer,
    admission,
    audit: parts.audit,
    clock,
    newId: parts.newId,
    // A dead job is sent again once for as long as it is kept.
    isOurs: parts.isOurs,
    onRedriveBegun: parts.redrivesElsewhere?.tell,
    windowMs: Math.max(config.idempotencyWindowMs, config.retentionMs),
    logger,
  });
  onClose(() => dead.redrives.stop());
  await dead.redrives.start();
  parts.redrivesElsewhere?.onBegun(() => dead.redrives.begunElsewhere());
  const explaining: ExplainOptions = {
    jobs: store.jobs,
    dispatcher,
    rules,
    clock,
    downRegions: () =>
      (parts.regions?.states() ?? []).flatMap(({ name, state }) =>
        state === 'down' ? [name] : [],
      ),
  };
  const native = createNativeSurface({
    catchUp: parts.catchUp,
    lookEveryMs: parts.catchUp === undefined ? undefined : LOOK_EVERY_MS,
    explain: createExplain(explaining, parts.askOwner),
    tracing: parts.observation.tracing,
    gate: dispatcher,
    jobs: store.jobs,
    hub,
    secrets,
    signingKeys: parts.signingKeys,
    keyRing: parts.keyRing,
    keyEnds: parts.keyEnds,
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
      elsewhere: parts.limitsElsewhere,
      destinationsElsewhere: parts.destinationsElsewhere,
      partsOf: (organization, origin) => parts.divided?.partsOf(organization, origin) ?? 1,
    },
    admission,
    liveRegions: parts.liveRegions,
    audit: parts.audit,
    dead,
    dispatcher,
    clock,
    newId: parts.newId,
    idempotencyWindowMs: config.idempotencyWindowMs,
  });
  if (parts.inbox !== null) {
    const drain = inboxDrain({ ...parts, inbox: parts.inbox }, admission);
    onClose(() => drain.stop());
    await drain.start();
  }
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
    isHearing: parts.isHearing,
    regions: () => regionViews(config.regions, parts.regions),
  });
  const ready = readyRoute({
    clock,
    isStopping: () => isStopping,
    readStore: () => store.work.nextDueAt(),
  });
  const surfaces = withDocument(
    [native.surface, { prefix: '', routes: [health, liveRoute(), ready] }],
    VERSION,
  );
  parts.onSurfaces(surfaces);
  const server = await createHttpServer({
    // Who is asked by another node asks nobody else.
    surfaces: [
      ...surfaces,
      ...parts.nodeSurfaces({
        explain: createExplain(explaining),
        destinations: statesOfDestinations({
          stateOf: (organization, origin) => dispatcher.stateOf(organization, origin),
          clock,
        }),
      }),
    ],
    apiKeys: parts.apiKeys,
    clock,
    maxBodyBytes: config.maxBodyBytes,
    stopTimeoutMs: config.stopTimeoutMs,
    isStalled: () => parts.stalledMs() > STALLED_MS,
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
