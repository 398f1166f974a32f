/** To which trace something belongs, in the words of W3C Trace Context. */
export interface TraceContext {
  /** A `traceparent` of version 00. */
  readonly parent: string;
  /** A `tracestate`; absent: none. */
  readonly state?: string;
}

/** The headers by which whoever is called goes on with the trace. */
export function traceHeaders({ parent, state }: TraceContext): Readonly<Record<string, string>> {
  return state === undefined ? { traceparent: parent } : { traceparent: parent, tracestate: state };
}
