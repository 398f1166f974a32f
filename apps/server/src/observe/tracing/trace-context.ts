import type { TraceContext } from '@ezthrottle/engine';

const PARENT = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;
/** What W3C Trace Context asks everybody to pass on at least. */
const STATE = /^[\x20-\x7e]{1,512}$/;

/** The trace that a request belongs to; null: none, or one that is not said as it should be. */
export function incomingTrace(header: (name: string) => string | null): TraceContext | null {
  const parent = header('traceparent')?.trim() ?? '';
  if (!PARENT.test(parent)) return null;
  const state = header('tracestate')?.trim() ?? '';
  return STATE.test(state) ? { parent, state } : { parent };
}

/** Whether its beginning has decided that the trace is recorded. */
export function isSampled({ parent }: TraceContext): boolean {
  return (Number.parseInt(parent.slice(-2), 16) & 1) === 1;
}
