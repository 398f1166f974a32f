import { FieldReader, isObject, nameOf } from './field-reader.ts';
import type { Metadata } from './job.ts';
import type { Problem } from './wire-error.ts';

/** What a target answered. */
export interface DeliveryResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** As text; base64 when `bodyEncoding` says so. */
  readonly body: string;
  readonly bodyEncoding: 'utf8' | 'base64';
  /** The answer was longer than the server keeps. */
  readonly truncated: boolean;
  /** Only in `responses`. */
  readonly region?: string;
}

/** A webhook about an ended job, whichever dialect it came in. */
export interface Delivery {
  /** Signed, and the same each time this delivery is sent; null from servers that send none. */
  readonly deliveryId: string | null;
  readonly endpointId: string | null;
  /** From 1; null from servers that do not count. */
  readonly attempt: number | null;
  readonly jobId: string;
  readonly idempotentKey: string | null;
  readonly status: 'success' | 'failed';
  /** What the sender calls it, of senders that do: `event`, else `type`, of the payload. */
  readonly event?: string;
  /** The last answer of the target, if it ever gave one. */
  readonly response?: DeliveryResponse;
  /** One per region, of a fan-out. */
  readonly responses?: readonly DeliveryResponse[];
  readonly error?: string;
  /** 0 the job's own call, n its n-th fallback; absent when no path gave a result. */
  readonly path?: number;
  /** Every path that had started, in order; absent when the job had only its own call. */
  readonly triedPaths?: readonly number[];
  readonly metadata: Metadata;
  readonly tags: readonly string[];
  readonly parentJobId?: string;
  /** Milliseconds since the epoch. */
  readonly endedAt?: number;
  /** The payload as it came. */
  readonly raw: Metadata;
}

export type DecodedDelivery =
  | { readonly ok: true; readonly delivery: Delivery }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** A delivery while it is made. */
type Draft = { -readonly [Field in keyof Delivery]: Delivery[Field] };

const STATUSES = ['success', 'failed', 'completed'] as const;

/**
 * Reads a webhook's JSON, of the cloud dialect (`success`, `failed`, `response`) or of self-hosted
 * servers (`completed`, `failed`, `response_status`, `reason`). There a job is `completed` whatever
 * the target said; here success is 2xx, so `completed` with another status becomes `failed`.
 * A field that is null counts as absent; unknown fields stay in `raw`. All problems come at once.
 */
export function decodeDelivery(payload: unknown): DecodedDelivery {
  const problems: Problem[] = [];
  if (!isObject(payload)) {
    const message = `is ${nameOf(payload)}`;
    return { ok: false, problems: [{ path: '', message, expected: 'a JSON object' }] };
  }
  const fields = new FieldReader(payload, '', problems);
  const jobId = fields.required('job_id');
  const result = readResult(fields, payload);
  // Asked for only where there is one: to look for a name that is handed on costs more than all the rest, and
  // most are absent. What is inherited is asked for in vain.
  const event =
    (isAbsent(payload['event']) ? null : fields.identifier('event')) ??
    (isAbsent(payload['type']) ? null : fields.identifier('type'));
  const responses = isAbsent(payload['responses']) ? null : fields.list('responses', readResponse);
  const tags = isAbsent(payload['tags']) ? null : fields.list('tags', readTag);
  const path = isAbsent(payload['path']) ? null : fields.integer('path', 0);
  const tried = isAbsent(payload['tried_paths']) ? null : fields.list('tried_paths', readPath);
  const parent = isAbsent(payload['parent_job_id']) ? null : fields.text('parent_job_id');
  const endedAt = isAbsent(payload['ended_at']) ? null : fields.integer('ended_at', 0);
  const delivery: Draft = {
    deliveryId: fields.identifier('delivery_id'),
    endpointId: isAbsent(payload['endpoint_id']) ? null : fields.identifier('endpoint_id'),
    attempt: isAbsent(payload['attempt']) ? null : fields.integer('attempt', 1),
    jobId,
    idempotentKey: isAbsent(payload['idempotent_key']) ? null : fields.text('idempotent_key'),
    status: result.status,
    metadata: (isAbsent(payload['metadata']) ? null : fields.object('metadata')) ?? {},
    tags: tags ?? [],
    raw: payload,
  };
  // One after the other: to spread an object for each costs more than to read all of them.
  if (event !== null) delivery.event = event;
  if (result.response !== null) delivery.response = result.response;
  if (responses !== null) delivery.responses = responses;
  if (result.error !== null) delivery.error = result.error;
  if (path !== null) delivery.path = path;
  if (tried !== null) delivery.triedPaths = tried;
  if (parent !== null) delivery.parentJobId = parent;
  if (endedAt !== null) delivery.endedAt = endedAt;
  return problems.length === 0 ? { ok: true, delivery } : { ok: false, problems };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

interface Result {
  readonly status: Delivery['status'];
  readonly response: DeliveryResponse | null;
  readonly error: string | null;
}

function readResult(fields: FieldReader, payload: Metadata): Result {
  const status = fields.oneOf('status', STATUSES);
  const nested = isAbsent(payload['response']) ? null : fields.object('response');
  const response =
    nested === null
      ? readFlatResponse(fields, payload)
      : readResponse(new FieldReader(nested, 'response', fields.problems));
  const error =
    (isAbsent(payload['error']) ? null : fields.text('error')) ??
    (isAbsent(payload['reason']) ? null : fields.text('reason'));
  const isRefused = status === 'completed' && response !== null && !isSuccess(response.statusCode);
  if (status === 'failed') return { status, response, error };
  if (!isRefused) return { status: 'success', response, error };
  const reason = error ?? `the target answered ${response.statusCode}`;
  return { status: 'failed', response, error: reason };
}

function isSuccess(statusCode: number): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** Self-hosted servers put the answer beside the job's id; status 0 says that there was none. */
function readFlatResponse(fields: FieldReader, payload: Metadata): DeliveryResponse | null {
  if (isAbsent(payload['response_status'])) return null;
  const statusCode = fields.integer('response_status', 0);
  if (statusCode === null || statusCode === 0) return null;
  return readBody(fields, statusCode);
}

function readResponse(fields: FieldReader): DeliveryResponse {
  const statusCode = fields.integer('status_code', 0);
  if (fields.value('status_code') === undefined) fields.report('status_code', 'an HTTP status');
  return readBody(fields, statusCode ?? 0);
}

function readBody(fields: FieldReader, statusCode: number): DeliveryResponse {
  const region = fields.text('region');
  return {
    statusCode,
    headers: fields.headers('headers'),
    body: fields.text('body') ?? '',
    bodyEncoding: fields.text('body_encoding') === 'base64' ? 'base64' : 'utf8',
    truncated: fields.value('truncated') === true,
    ...(region === null ? {} : { region }),
  };
}

function readPath(fields: FieldReader): number {
  return fields.integer('', 0) ?? 0;
}

function readTag(fields: FieldReader): string {
  return fields.text('') ?? '';
}
