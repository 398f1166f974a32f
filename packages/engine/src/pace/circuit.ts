import { isEgressError, type Outcome } from '../job/outcome.ts';

/** When a destination is taken for down, and how it is tried again. Times are milliseconds. */
export interface CircuitPolicy {
  /** Failures in a row that open the circuit. Default 5. */
  readonly failures: number;
  /** … over at least this time: a burst of calls that fail together is one event. Default 1 s. */
  readonly spanMs: number;
  /** First wait before a probe; doubled after every probe that fails. Default 5 s. */
  readonly probeAfterMs: number;
  /** Longest wait before a probe. Default 5 min. */
  readonly maxProbeAfterMs: number;
  /** After a probe that succeeds the rate comes back over this time. Default 10 s. */
  readonly rampMs: number;
}

export const DEFAULT_CIRCUIT: CircuitPolicy = {
  failures: 5,
  spanMs: 1_000,
  probeAfterMs: 5_000,
  maxProbeAfterMs: 300_000,
  rampMs: 10_000,
};

/** Whether a destination is up, as far as its calls tell. Plain data; times are monotonic milliseconds. */
export type Circuit =
  /** `failures` in a row, the first of them at `failingSince`. */
  | { readonly state: 'closed'; readonly failures: number; readonly failingSince: number | null }
  /** Nothing is armed or sent before `probeAt`; then one call is. `opens` in a row, from 1. */
  | { readonly state: 'open'; readonly probeAt: number; readonly opens: number }
  /** One call is under way that decides. */
  | { readonly state: 'probing'; readonly since: number; readonly opens: number }
  /** The probe succeeded: the rate rises to the whole. */
  | { readonly state: 'ramping'; readonly since: number; readonly opens: number };

export const CLOSED_CIRCUIT: Circuit = { state: 'closed', failures: 0, failingSince: null };

/** Of the rate, right after a probe has succeeded. */
const FIRST_SHARE = 0.1;
/** A probe that was never reported stops counting after this time: the longest that an attempt may take, and more. */
const LOST_PROBE_MS = 960_000;

export type CircuitPass =
  /** A call may be sent; `circuit` knows of it when it is the probe. */
  | { readonly pass: 'go'; readonly circuit: Circuit; readonly isProbe: boolean }
  /** Calls are held, none is counted as an attempt. `until` null: until the probe is reported. */
  | { readonly pass: 'hold'; readonly until: number | null };

/** May one call of this destination be sent now? Asked before its pace is, and booked with it. */
export function passCircuit(circuit: Circuit, now: number): CircuitPass {
  switch (circuit.state) {
    case 'closed':
    case 'ramping':
      return { pass: 'go', circuit, isProbe: false };
    case 'open': {
      if (now < circuit.probeAt) return { pass: 'hold', until: circuit.probeAt };
      const probing: Circuit = { state: 'probing', since: now, opens: circuit.opens };
      return { pass: 'go', circuit: probing, isProbe: true };
    }
    case 'probing': {
      if (now - circuit.since < LOST_PROBE_MS) return { pass: 'hold', until: null };
      return { pass: 'go', circuit: { ...circuit, since: now }, isProbe: true };
    }
  }
}

/** What one outcome says: it is up, it is down, nothing. */
export type CircuitVerdict = 'up' | 'down' | 'silent';

/**
 * What an outcome says about the destination. It is down when it cannot be reached, does not answer in
 * time, or answers 502, 503 without a delay, 504 or 52x; every other answer shows that it is up, a 429
 * and a 500 too. What we stopped or refused ourselves says nothing, nor does the egress of a region.
 */
export function circuitVerdict(outcome: Outcome): CircuitVerdict {
  switch (outcome.kind) {
    case 'response':
      return isGatewayFailure(outcome.status, outcome.headers) ? 'down' : 'up';
    case 'network_error':
      return isEgressError(outcome) ? 'silent' : 'down';
    case 'timeout':
      return 'down';
    case 'aborted':
    case 'refused':
    case 'unknown':
      return 'silent';
  }
}

/**
 * The circuit after the outcome of a call.
 *
 * @param isProbe Whether the call was the probe. Others that were out when the circuit opened say nothing
 *   while a probe is awaited, but a success of theirs.
 */
export function afterCall(
  circuit: Circuit,
  outcome: Outcome,
  isProbe: boolean,
  now: number,
  policy: CircuitPolicy = DEFAULT_CIRCUIT,
): Circuit {
  return afterVerdict(circuit, circuitVerdict(outcome), isProbe, now, policy);
}

/** The same where another rule says what an outcome means. */
export function afterVerdict(
  circuit: Circuit,
  verdict: CircuitVerdict,
  isProbe: boolean,
  now: number,
  policy: CircuitPolicy = DEFAULT_CIRCUIT,
): Circuit {
  switch (circuit.state) {
    case 'closed':
      return afterClosed(circuit, verdict, now, policy);
    case 'open':
      return verdict === 'up' ? { state: 'ramping', since: now, opens: circuit.opens } : circuit;
    case 'probing':
      if (verdict === 'up') return { state: 'ramping', since: now, opens: circuit.opens };
      if (!isProbe) return circuit;
      // A probe that we stopped ourselves has decided nothing: the next call is one.
      if (verdict === 'silent') return { state: 'open', probeAt: now, opens: circuit.opens };
      return opened(circuit.opens + 1, now, policy);
    case 'ramping':
      if (verdict === 'down') return opened(circuit.opens + 1, now, policy);
      return verdict === 'up' && now - circuit.since >= policy.rampMs ? CLOSED_CIRCUIT : circuit;
  }
}

/** Of the destination's rate and slots, what may be used now: from a tenth to the whole. */
export function circuitShare(
  circuit: Circuit,
  now: number,
  policy: CircuitPolicy = DEFAULT_CIRCUIT,
): number {
  if (circuit.state !== 'ramping' || policy.rampMs <= 0) return 1;
  const passed = Math.max(0, now - circuit.since) / policy.rampMs;
  return Math.min(1, FIRST_SHARE + (1 - FIRST_SHARE) * passed);
}

/** The circuit as a line of JSON; times as milliseconds from the moment of saving. */
export function saveCircuit(circuit: Circuit, now: number): string {
  const { state } = circuit;
  if (state === 'closed') return JSON.stringify({ version: 1, opens: 0 });
  const waitMs = state === 'open' ? Math.max(0, circuit.probeAt - now) : 0;
  return JSON.stringify({ version: 1, opens: circuit.opens, waitMs });
}

/**
 * The circuit as it was saved. One that was not closed begins with a probe, after what was left of its
 * wait; what is not ours, or cannot be true, is closed.
 */
export function restoreCircuit(
  data: string,
  now: number,
  policy: CircuitPolicy = DEFAULT_CIRCUIT,
): Circuit {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return CLOSED_CIRCUIT;
  }
  if (typeof value !== 'object' || value === null) return CLOSED_CIRCUIT;
  const saved: { version?: unknown; opens?: unknown; waitMs?: unknown } = value;
  const { version, opens, waitMs } = saved;
  if (version !== 1 || !isCount(opens) || opens === 0) return CLOSED_CIRCUIT;
  const wait = isCount(waitMs) ? Math.min(waitMs, policy.maxProbeAfterMs) : 0;
  return { state: 'open', probeAt: now + wait, opens };
}

function afterClosed(
  circuit: Circuit & { readonly state: 'closed' },
  verdict: CircuitVerdict,
  now: number,
  policy: CircuitPolicy,
): Circuit {
  if (verdict === 'silent') return circuit;
  if (verdict === 'up') return circuit.failures === 0 ? circuit : CLOSED_CIRCUIT;
  const failures = circuit.failures + 1;
  const failingSince = circuit.failingSince ?? now;
  if (failures >= policy.failures && now - failingSince >= policy.spanMs) {
    return opened(1, now, policy);
  }
  return { state: 'closed', failures, failingSince };
}

/** Open for the `opens`-th time in a row. */
export function opened(opens: number, now: number, policy: CircuitPolicy): Circuit {
  const waitMs = policy.probeAfterMs * 2 ** Math.min(30, opens - 1);
  return { state: 'open', probeAt: now + Math.min(policy.maxProbeAfterMs, waitMs), opens };
}

function isGatewayFailure(status: number, headers: Readonly<Record<string, string>>): boolean {
  // A 503 that says when to come back is a pause, and the pace keeps it.
  if (status === 503) return headers['retry-after'] === undefined;
  return status === 502 || status === 504 || (status >= 520 && status <= 527);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
