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

function headersOf(input: AttemptCallInput): Readonly<Record<string, string>> {
  const ours = new Map<string, string>([
    [HEADERS.jobId, input.jobId],
    [HEADERS.attempt, String(input.attempt)],
    [HEADERS.region, input.region],
  ]);
  if (input.trace) {
    for (const [name, value] of Object.entries(traceHeaders(input.trace))) ours.set(name, value);
  }
  const reserved = new Set([...ours.keys()].map((name) => name.toLowerCase()));
  const entries = Object.entries(input.path.headers).filter(
    ([name]) => !reserved.has(name.toLowerCase()),
  );
  const hasKey = entries.some(
    ([name]) => name.toLowerCase() === HEADERS.idempotencyKey.toLowerCase(),
  );
  if (input.sendIdempotencyKey && !hasKey) ours.set(HEADERS.idempotencyKey, input.idempotentKey);
  return Object.fromEntries([...entries, ...ours]);
}
