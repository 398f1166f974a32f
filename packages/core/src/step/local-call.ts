import { CONNECTION_HEADERS } from '../protocol/checks.ts';
import { HEADERS } from '../protocol/headers.ts';
import type { JobRequest } from '../protocol/job.ts';
import { errorText } from '../http/error-text.ts';
import { startDeadline, type Deadline } from '../http/deadline.ts';
import { readBody } from '../http/read-body.ts';
import type { Runtime } from '../http/runtime.ts';
import { fromBase64 } from './base64.ts';

/** What one call made here gave. */
export type LocalCallOutcome = { readonly durationMs: number } & (
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly text: string;
      readonly truncated: boolean;
    }
  | { readonly kind: 'network_error'; readonly message: string }
  | { readonly kind: 'timeout'; readonly message: string }
  | { readonly kind: 'aborted' }
);

export interface LocalCall {
  readonly job: JobRequest;
  /** Sent as `Idempotency-Key`; null: not sent. */
  readonly idempotencyKey: string | null;
  /** For answer and body together, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
}

export interface RunningCall {
  /** Never rejects. */
  readonly outcome: Promise<LocalCallOutcome>;
  readonly abort: () => void;
}

/** Makes the call. Whatever happens is an outcome. */
export function callLocally(call: LocalCall, runtime: Runtime): RunningCall {
  const deadline = startDeadline(runtime, call.timeoutMs, call.signal);
  return { outcome: outcomeOf(call, runtime, deadline), abort: () => deadline.abort() };
}

async function outcomeOf(
  call: LocalCall,
  runtime: Runtime,
  deadline: Deadline,
): Promise<LocalCallOutcome> {
  const start = runtime.monotonic();
  const durationMs = (): number => Math.round(runtime.monotonic() - start);
  try {
    const response = await runtime.fetch(call.job.url, requestOf(call, deadline.signal));
    if (isHiddenRedirect(response)) {
      return { kind: 'network_error', message: HIDDEN_REDIRECT, durationMs: durationMs() };
    }
    const body = await readBody(response, call.maxResponseBytes);
    return {
      kind: 'response',
      status: response.status,
      headers: Object.fromEntries(response.headers),
      ...body,
      durationMs: durationMs(),
    };
  } catch (error) {
    if (deadline.isOver()) {
      const message = `no answer within ${call.timeoutMs} ms`;
      return { kind: 'timeout', message, durationMs: durationMs() };
    }
    if (deadline.signal.aborted) return { kind: 'aborted', durationMs: durationMs() };
    return { kind: 'network_error', message: errorText(error), durationMs: durationMs() };
  } finally {
    deadline.clear();
  }
}

function requestOf({ job, idempotencyKey }: LocalCall, signal: AbortSignal): RequestInit {
  const key: [string, string][] =
    idempotencyKey === null ? [] : [[HEADERS.idempotencyKey, idempotencyKey]];
  const isReplaced = (name: string): boolean =>
    key.some(([replacing]) => replacing.toLowerCase() === name);
  // Those of one connection are set by whoever makes it; `fetch` refuses some of them.
  const headers = Object.entries(job.headers ?? {}).filter(([name]) => {
    const lower = name.toLowerCase();
    return !CONNECTION_HEADERS.has(lower) && !isReplaced(lower);
  });
  const body = job.body_encoding === 'base64' ? fromBase64(job.body ?? '') : job.body;
  return {
    method: job.method ?? 'GET',
    headers: [...headers, ...key],
    // As on the server: following would send headers to where the user never pointed them, and make a
    // POST a GET.
    redirect: 'manual',
    signal,
    ...(body === undefined || body === null ? {} : { body }),
  };
}

const HIDDEN_REDIRECT =
  'the target answered with a redirect, which is not followed, and this runtime does not show it';

/** Browsers hide the status of a redirect that is not followed. */
function isHiddenRedirect({ type, status }: Response): boolean {
  return type === 'opaqueredirect' && status === 0;
}
