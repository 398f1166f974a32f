import type { Clock, Id, JobReads, LiveRegions, TenancyReads } from '@ezthrottle/engine';
import { jobStatus } from '@ezthrottle/core/protocol';
import { isRacing, readResult } from '@ezthrottle/engine';
import type { Limits } from '../limits/limits.ts';
import type { LimitRules } from '../limits/limit-rules.ts';
import type { LimitStates } from '../limits/limit-state.ts';
import type { Endpoints } from '../deliver/endpoints.ts';
import type { JobGate } from '../dispatch/job-gate.ts';
import type { JobEventHub } from '../realtime/job-event-hub.ts';
import type { AccountDeletions } from '../privacy/account-deletions.ts';
import type { PrivacySettings } from '../privacy/privacy-settings.ts';
import type { SecretVault } from '../secrets/secret-vault.ts';
import type { KeyEnds } from '../tenancy/key-ends.ts';
import type { KeyRing } from '../tenancy/key-ring.ts';
import type { SigningKeys } from '../tenancy/signing-keys.ts';
import type { SigningSecrets } from '../tenancy/signing-secrets.ts';
import type { Tracing } from '../observe/tracing/tracing.ts';
import type { Admission } from '../admission/admission.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { DeadLetters } from '../dead-letters/dead-letters.ts';
import { deadDeliveryRoutes } from './dead-letters/dead-deliveries.ts';
import { deadJobRoutes } from './dead-letters/dead-jobs.ts';
import { redriveRoutes } from './dead-letters/redrives.ts';
import { auditLogRoute } from './audit-log.ts';
import { cancelJobRoute } from './jobs/cancel-job.ts';
import { createEndWaits, type EndWaits } from './jobs/end-waits.ts';
import { type Explain, explainJobRoute, type ExplainOptions } from './jobs/explain-job.ts';
import { listJobsRoute } from './jobs/list-jobs.ts';
import { showJobRoute } from './jobs/show-job.ts';
import { createJobStreams, type JobStreams } from './jobs/stream-job.ts';
import { submitBatchRoute } from './jobs/submit-batch.ts';
import { submitJobRoute } from './jobs/submit-job.ts';
import { apiKeyRoutes } from './api-keys.ts';
import { limitRoutes } from './limits.ts';
import { privacyRoutes } from './privacy.ts';
import type { Surface } from './route.ts';
import { secretRoutes } from './secrets.ts';
import { signingKeyRoutes } from './signing-keys.ts';
import { webhookEndpointRoutes } from './webhook-endpoints.ts';
import { webhookSecretRoutes } from './webhook-secrets.ts';

export interface NativeSurfaceOptions {
  readonly gate: JobGate;
  readonly jobs: JobReads;
  readonly hub: JobEventHub;
  readonly secrets: SigningSecrets;
  readonly signingKeys: SigningKeys;
  readonly keyRing: KeyRing;
  readonly vault: SecretVault;
  readonly privacy: PrivacySettings;
  readonly deletions: AccountDeletions;
  /** How long jobs are kept, in milliseconds. */
  readonly retentionMs: number;
  readonly endpoints: Endpoints;
  readonly limits: Limits;
  readonly rules: LimitRules;
  readonly apiKeys: Pick<TenancyReads, 'apiKey'>;
  /** Where limits stand. */
  readonly states: LimitStates;
  readonly admission: Admission;
  /** Regions that this server has. */
  readonly liveRegions: () => LiveRegions;
  /** Reads what other nodes have changed. Absent: there are none. */
  readonly catchUp?: (() => Promise<void>) | undefined;
  /** How often it is looked what other nodes have done to a watched job, in milliseconds. Absent: there are none. */
  readonly lookEveryMs?: number | undefined;
  readonly audit: AuditLog;
  readonly dead: DeadLetters;
  /** Tells when calls start. */
  readonly dispatcher: ExplainOptions['dispatcher'];
  readonly explain: Explain;
  readonly keyEnds: KeyEnds;
  readonly clock: Clock;
  readonly newId: () => Id;
  readonly idempotencyWindowMs: number;
  /** Absent: nobody wants to know. */
  readonly tracing?: Pick<Tracing, 'submit'> | undefined;
}

/** `/api/v1`: the native dialect, which is the cloud dialect's too. */
export function createNativeSurface(options: NativeSurfaceOptions): {
  readonly surface: Surface;
  readonly streams: JobStreams;
  readonly endWaits: EndWaits;
} {
  const { endpoints, gate, jobs, hub, secrets, signingKeys, clock } = options;
  const streams = createJobStreams({
    jobs,
    hub,
    clock,
    waitOf: (place) => options.dispatcher.waitOf(place),
    keyEnds: options.keyEnds,
    lookEveryMs: options.lookEveryMs,
    callOf: (token) => options.dispatcher.callOf(token),
    endData: async (job) => ({
      status: jobStatus(job.state, isRacing(job.spec)),
      state: job.state,
      result: await readResult(job, jobs),
    }),
  });
  const endWaits = createEndWaits({
    jobs,
    hub,
    clock,
    keyEnds: options.keyEnds,
    lookEveryMs: options.lookEveryMs,
  });
  const routes = [
    submitJobRoute({ ...options, endWaits }),
    submitBatchRoute(options),
    listJobsRoute(jobs),
    showJobRoute(jobs),
    cancelJobRoute(gate, jobs),
    explainJobRoute(options.explain),
    streams.route,
    ...webhookSecretRoutes(secrets, options.audit),
    ...signingKeyRoutes(signingKeys, options.audit),
    ...webhookEndpointRoutes(endpoints, options.audit),
    ...limitRoutes(options),
    ...apiKeyRoutes(options),
    ...deadJobRoutes({ ...options, ...options.dead }),
    ...deadDeliveryRoutes({ ...options, ...options.dead }),
    ...redriveRoutes({ ...options, ...options.dead }),
    auditLogRoute(options.audit),
    ...secretRoutes(options),
    ...privacyRoutes(options),
  ];
  return { surface: { prefix: '/api/v1', routes }, streams, endWaits };
}
