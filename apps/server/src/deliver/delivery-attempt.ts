import { type DeliveryPayload, LIMITS } from '@ezthrottle/core/protocol';
import {
  type Clock,
  type DeliveredJob,
  type DeliveryRecord,
  type DeliverySchedule,
  deliveryPayload,
  deliveryRegion,
  deliveryRequest,
  type Id,
  type JobReads,
  type JobSpec,
  type LiveRegions,
  type Operation,
  originOfAddress,
  type Outcome,
  resultAttempts,
  type ResultResponse,
  settledDelivery,
  type SettleDeliveryOperation,
  traceHeaders,
  type Verdict,
} from '@ezthrottle/engine';
import { knownRegions } from '../regions/known-regions.ts';
import type { Tracing } from '../observe/tracing/tracing.ts';
import type { RegionWatch } from '../regions/region-watch.ts';
import type { JobResult } from './job-result.ts';
import { signEd25519 } from './signatures.ts';
import type { ExecutorCalls } from './executor-calls.ts';

/** An attempt that is on disk. */
export interface SettledAttempt {
  readonly delivery: DeliveryRecord;
  readonly settled: SettleDeliveryOperation;
}

export interface DeliveryAttemptOptions {
  readonly jobs: Pick<JobReads, 'get' | 'responses'>;
  readonly committer: { write(operation: Operation): Promise<Verdict> };
  readonly calls: ExecutorCalls;
  readonly clock: Clock;
  readonly secretsOf: (organization: Id) => Promise<readonly string[]>;
  readonly schedule: DeliverySchedule;
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Keys that sign beside the secrets, `whsk_`, the newest first. Default: none. */
  readonly signingKeysOf?: (organization: Id) => Promise<readonly string[]>;
  /** Regions from which deliveries may leave. Default: any. */
  readonly liveRegions?: () => LiveRegions;
  /** How they fare. Default: there is nothing to choose. */
  readonly regions?: RegionWatch | undefined;
  /** Tells of deliveries as spans. Absent: nobody wants to know. */
  readonly tracing?: Pick<Tracing, 'deliver'> | undefined;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly newToken: () => string;
}

/** What one attempt is about. */
export interface DueAttempt {
  readonly delivery: DeliveryRecord;
  /** What the job has to tell; null: it is read. */
  readonly result: JobResult | null;
  /** Called when the call is over, before it is settled. */
  readonly onAnswer: (outcome: Outcome) => void;
}

/** How an attempt went, as far as its deliverer must know. */
export type AttemptResult =
  | { readonly kind: 'settled'; readonly attempt: SettledAttempt }
  /** It was broken off by us, or somebody else has settled it: nothing was written. */
  | {
      readonly kind: 'dropped';
      readonly why: 'aborted' | 'stale' | 'gone' | 'rejected' | 'no_region';
    };

/** Bytes of the answer that are read, so that the connection can be used again; none are kept. */
const ANSWER_BYTES = 16_384;

/**
 * Makes the next attempt of a delivery: reads the result, signs, sends, and settles it.
 *
 * @throws whatever the store or the secrets throw; the delivery is then still pending.
 */
export async function attemptDelivery(
  { delivery, result: known, onAnswer }: DueAttempt,
  options: DeliveryAttemptOptions,
): Promise<AttemptResult> {
  const { clock } = options;
  const attempt = delivery.attempts + 1;
  const result = known ?? (await readResult(delivery, options.jobs));
  const about = payloadOf(delivery, attempt, result);
  if (about === null) return { kind: 'dropped', why: 'gone' };
  const { payload, spec } = about;
  const { regions = [] } = spec.webhooks[delivery.webhook % LIMITS.webhooks] ?? {};
  const origin = originOfAddress(delivery.url);
  const region = regionFor(delivery, origin, regions, attempt, options);
  if (region === null) return { kind: 'dropped', why: 'no_region' };
  options.regions?.chosen(delivery.organization, origin, region);
  const [secret, ...formerSecrets] = await options.secretsOf(delivery.organization);
  const signingKeys = (await options.signingKeysOf?.(delivery.organization)) ?? [];
  const request = deliveryRequest({
    payload,
    secret: secret ?? null,
    furtherKeys: [...formerSecrets, ...signingKeys],
    ed25519: signEd25519,
    userAgent: options.userAgent,
    now: clock.now(),
  });
  const span = options.tracing?.deliver(delivery, spec, attempt, region) ?? null;
  const context = spec.sendTraceparent === true ? (span?.context ?? spec.trace) : undefined;
  const report = await options.calls.call({
    token: options.newToken(),
    url: delivery.url,
    method: 'POST',
    headers:
      context === undefined ? request.headers : { ...request.headers, ...traceHeaders(context) },
    body: { encoding: 'utf8', data: request.body },
    timeoutMs: options.timeoutMs,
    region,
    maxResponseBytes: ANSWER_BYTES,
  });
  const { outcome } = report;
  span?.ended(outcome);
  options.regions?.after(delivery.organization, origin, region, outcome);
  onAnswer(outcome);
  if (outcome.kind === 'aborted') return { kind: 'dropped', why: 'aborted' };

  const settled = settledDelivery(delivery, attempt, report, {
    now: clock.now(),
    schedule: options.schedule,
    random: options.random(),
  });
  const { verdict } = await options.committer.write(settled);
  if (verdict === 'stale' || verdict === 'gone' || verdict === 'rejected') {
    return { kind: 'dropped', why: verdict };
  }
  return { kind: 'settled', attempt: { delivery, settled } };
}

/** Null: none of the regions that the webhook names is there. */
function regionFor(
  { organization }: DeliveryRecord,
  origin: string,
  named: readonly string[],
  attempt: number,
  { liveRegions: regionsNow, regions: watch }: DeliveryAttemptOptions,
): string | null {
  const liveRegions = regionsNow?.() ?? 'any';
  const known = knownRegions(watch, organization);
  if (known === null || liveRegions === 'any') return deliveryRegion(named, liveRegions, attempt);
  const live = liveRegions.filter((region) => named.length === 0 || named.includes(region));
  return deliveryRegion(named, known.reachable(origin, live), attempt);
}

function payloadOf(
  delivery: DeliveryRecord,
  attempt: number,
  { job, responses }: ReadResult,
): { readonly payload: DeliveryPayload; readonly spec: JobSpec } | null {
  const payload = job === null ? null : deliveryPayload(job, delivery, responses, attempt);
  return job === null || payload === null ? null : { payload, spec: job.spec };
}

interface ReadResult {
  /** Null: it is gone, or has not ended. */
  readonly job: DeliveredJob | null;
  readonly responses: readonly ResultResponse[];
}

async function readResult(
  { organization, jobId }: DeliveryRecord,
  jobs: DeliveryAttemptOptions['jobs'],
): Promise<ReadResult> {
  const job = await jobs.get(organization, jobId);
  if (job === null || job.end === null) return { job: null, responses: [] };
  const wanted = resultAttempts(job.end);
  return { job, responses: wanted.length === 0 ? [] : await jobs.responses(job.id, wanted) };
}
