export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. Default 5. */
  readonly failures?: number;
  /** How long an open circuit refuses calls before it lets one through, in milliseconds. Default 10 000. */
  readonly openMs?: number;
}

export interface CircuitPolicy {
  readonly failures: number;
  readonly openMs: number;
}

/**
 * What is known of one server. `closed`: calls go out. `open`: they are refused until `until`.
 * `half_open`: one call is out to see whether the server is back; `probe` tells it from older ones. When
 * it has not ended by `until`, another is sent: a call whose process is frozen never ends.
 */
export type Circuit =
  | { readonly state: 'closed'; readonly failures: number }
  | { readonly state: 'open'; readonly until: number }
  | { readonly state: 'half_open'; readonly probe: number; readonly until: number };

/** How a call went: `unknown` when its caller gave it up. */
export type CallOutcome = 'success' | 'failure' | 'unknown';

export type Admission =
  | { readonly circuit: Circuit; readonly ticket: number }
  /** Refused; `until` is the moment from which another call may be let through. */
  | { readonly circuit: Circuit; readonly ticket: null; readonly until: number };

export const CLOSED: Circuit = { state: 'closed', failures: 0 };

/** Null: there is no circuit, every call goes out. */
export function circuitPolicy(
  options: CircuitBreakerOptions | false | undefined,
): CircuitPolicy | null {
  if (options === false) return null;
  const { failures = 5, openMs = 10_000 } = options ?? {};
  return { failures, openMs };
}

/**
 * Asks for leave to call.
 *
 * @param ticket Names this call; never used twice.
 */
export function admit(
  circuit: Circuit,
  now: number,
  ticket: number,
  { openMs }: CircuitPolicy,
): Admission {
  if (circuit.state === 'closed') return { circuit, ticket };
  if (now < circuit.until) return { circuit, ticket: null, until: circuit.until };
  return { circuit: { state: 'half_open', probe: ticket, until: now + openMs }, ticket };
}

/** The circuit after a call has ended. Calls older than the present state do not change it. */
export function settle(
  circuit: Circuit,
  ticket: number,
  outcome: CallOutcome,
  now: number,
  policy: CircuitPolicy,
): Circuit {
  if (circuit.state === 'closed') {
    if (outcome === 'success') return CLOSED;
    if (outcome === 'unknown') return circuit;
    const failures = circuit.failures + 1;
    if (failures < policy.failures) return { state: 'closed', failures };
    return { state: 'open', until: now + policy.openMs };
  }
  if (circuit.state === 'open' || circuit.probe !== ticket) return circuit;
  if (outcome === 'success') return CLOSED;
  // A probe that was given up has shown nothing: the next call is the next probe.
  return { state: 'open', until: outcome === 'failure' ? now + policy.openMs : now };
}
