import { HEADERS } from '@ezthrottle/core/protocol';
import type { PathSpec } from '../job/job-spec.ts';
import { type TraceContext, traceHeaders } from '../job/trace-context.ts';
import type { AttemptCall } from '../ports/executor.ts';
import type { Id } from '../ports/operation.ts';

export interface AttemptCallInput {
  readonly jobId: Id;
  readonly idempotentKey: string;
  readonly sendIdempotencyKey: boolean;
  readonly path: PathSpec;
  readonly attempt: number;
  readonly token: string;
  readonly region: string;
  readonly maxResponseBytes: number;
  /** What the target is told of the trace. Default: nothing. */
  readonly trace?: TraceContext | null;
}

/**
 * The outbound call of one attempt. The names by which a target recognises a repeat are ours: a
 * submitter's headers of the same names do not reach it. A submitter's own `Idempotency-Key` does.
 */
export function attemptCall(input: AttemptCallInput): AttemptCall {
  const { path, token, region, maxResponseBytes } = input;
  return {
    token,
    url: path.url,
    method: path.method,
    headers: headersOf(input),
    body: path.body,
    timeoutMs: path.timeoutMs,
    region,
    maxResponseBytes,
  };
}

const RESERVED: ReadonlySet<string> = new Set(
  [HEADERS.jobId, HEADERS.attempt, HEADERS.region].map((name) => name.toLowerCase()),
);
const IDEMPOTENCY_KEY = HEADERS.idempotencyKey.toLowerCase();

function headersOf(input: AttemptCallInput): Readonly<Record<string, string>> {
  const { jobId, attempt, region, trace } = input;
  const traced = trace ? traceHeaders(trace) : null;
  const given = withoutOurs(input.path.headers, traced);
  const isKeyed =
    input.sendIdempotencyKey &&
    !Object.keys(given).some((name) => name.toLowerCase() === IDEMPOTENCY_KEY);
  return {
    ...given,
    [HEADERS.jobId]: jobId,
    [HEADERS.attempt]: String(attempt),
    [HEADERS.region]: region,
    ...traced,
    ...(isKeyed ? { [HEADERS.idempotencyKey]: input.idempotentKey } : null),
  };
}

/** The submitter's headers but for those that are ours to set: hardly anybody gives any of them. */
function withoutOurs(
  given: Readonly<Record<string, string>>,
  traced: Readonly<Record<string, string>> | null,
): Readonly<Record<string, string>> {
  const isOurs = (name: string): boolean => {
    const lower = name.toLowerCase();
    return RESERVED.has(lower) || (traced !== null && Object.hasOwn(traced, lower));
  };
  if (!Object.keys(given).some(isOurs)) return given;
  return Object.fromEntries(Object.entries(given).filter(([name]) => !isOurs(name)));
}
