import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import {
  type Clock,
  type DeliveryRecord,
  type DeliverySchedule,
  deliveryPayload,
  deliveryRequest,
  type Id,
  type JobReads,
  type Operation,
  resultAttempts,
  settledDelivery,
  type SettleDeliveryOperation,
  type Verdict,
} from '@ezthrottle/engine';
import type { JobResult } from './job-result.ts';
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
  /** What the job has to tell; null: it is read. */
  readonly result: JobResult | null;
  /** Called when the call is over, before it is settled. */
  readonly onAnswer: (answered: boolean) => void;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly newToken: () => string;
}

/** How an attempt went, as far as its deliverer must know. */
export type AttemptResult =
  | { readonly kind: 'settled'; readonly attempt: SettledAttempt }
  /** It was broken off by us, or somebody else has settled it: nothing was written. */
  | { readonly kind: 'dropped'; readonly why: 'aborted' | 'stale' | 'gone' | 'rejected' };

/** Bytes of the answer that are read, so that the connection can be used again; none are kept. */
const ANSWER_BYTES = 16_384;

/**
 * Makes the next attempt of a delivery: reads the result, signs, sends, and settles it.
 *
 * @throws whatever the store or the secrets throw; the delivery is then still pending.
 */
export async function attemptDelivery(
  delivery: DeliveryRecord,
  options: DeliveryAttemptOptions,
): Promise<AttemptResult> {
  const { clock } = options;
  const attempt = delivery.attempts + 1;
  const body = await payloadOf(delivery, attempt, options);
  if (body === null) return { kind: 'dropped', why: 'gone' };
  const [secret] = await options.secretsOf(delivery.organization);
  const request = deliveryRequest({
    payload: body,
    secret: secret ?? null,
    userAgent: options.userAgent,
    now: clock.now(),
    hmacSha256,
  });
  const report = await options.calls.call({
    token: options.newToken(),
    url: delivery.url,
    method: 'POST',
    headers: request.headers,
    body: { encoding: 'utf8', data: request.body },
    timeoutMs: options.timeoutMs,
    region: '',
    maxResponseBytes: ANSWER_BYTES,
  });
  const { outcome } = report;
  options.onAnswer(outcome.kind === 'response');
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

/** Keys as node:crypto takes them: making one of bytes costs several times as much as the signature. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

function hmacSha256(key: Uint8Array, content: string): Uint8Array {
  let known = keyObjects.get(key);
  if (known === undefined) {
    known = createSecretKey(key);
    keyObjects.set(key, known);
  }
  return createHmac('sha256', known).update(content).digest();
}

async function payloadOf(
  delivery: DeliveryRecord,
  attempt: number,
  { jobs, result }: DeliveryAttemptOptions,
): Promise<ReturnType<typeof deliveryPayload>> {
  if (result !== null) return deliveryPayload(result.job, delivery, result.responses, attempt);
  const job = await jobs.get(delivery.organization, delivery.jobId);
  if (job === null || job.end === null) return null;
  const wanted = resultAttempts(job.end);
  const responses = wanted.length === 0 ? [] : await jobs.responses(job.id, wanted);
  return deliveryPayload(job, delivery, responses, attempt);
}
