import type { LiveRegions } from '../decide/decision.ts';
import { namedInstant } from '../decide/named-instant.ts';
import type { Outcome } from '../job/outcome.ts';
import { admit, release } from '../pace/admission.ts';
import {
  afterVerdict,
  type Circuit,
  type CircuitVerdict,
  circuitVerdict,
  CLOSED_CIRCUIT,
  passCircuit,
} from '../pace/circuit.ts';
import { feedback } from '../pace/feedback.ts';
import { DEFAULT_PACE, type PaceSettings } from '../pace/pace-settings.ts';
import { createPace, type PaceState } from '../pace/pace-state.ts';
import type { DeadReason } from '../ports/operation.ts';

/** Why nothing is delivered to an endpoint any more. */
export interface EndpointDisabled {
  readonly by: 'gone' | 'owner';
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** One endpoint as its deliveries see it. Plain data; times of pace and circuit are monotonic. */
export interface Endpoint {
  readonly pace: PaceState;
  readonly circuit: Circuit;
  readonly disabled: EndpointDisabled | null;
}

/** Pace of an endpoint that has said nothing yet: a receiver is its owner's own, and takes more than a stranger. */
export const ENDPOINT_PACE: PaceSettings = {
  ...DEFAULT_PACE,
  ratePerSecond: 100,
  burst: 10,
  concurrency: 16,
};

/**
 * Nothing that an answer asks for holds the other deliveries of its host back for longer, in milliseconds.
 * The delivery that was answered so waits for all of the time.
 */
export const MAX_ENDPOINT_PAUSE_MS = 300_000;

export type EndpointPass =
  /** A delivery may be sent; this is the endpoint with it booked. */
  | { readonly pass: 'go'; readonly endpoint: Endpoint; readonly isProbe: boolean }
  /** Nothing is sent, and no attempt is counted. `until` null: until a delivery under way has ended. */
  | { readonly pass: 'hold'; readonly until: number | null }
  /** Nothing will be sent: the delivery is dead, without an attempt. */
  | { readonly pass: 'dead'; readonly reason: DeadReason };

export function createEndpoint(now: number, settings: PaceSettings = ENDPOINT_PACE): Endpoint {
  return { pace: createPace(settings, now), circuit: CLOSED_CIRCUIT, disabled: null };
}

/** May one delivery go to this endpoint now? */
export function passEndpoint(endpoint: Endpoint, now: number): EndpointPass {
  if (endpoint.disabled !== null) return { pass: 'dead', reason: 'endpoint_disabled' };
  const circuit = passCircuit(endpoint.circuit, now);
  if (circuit.pass === 'hold') return circuit;
  const verdict = admit([{ key: 'endpoint', state: endpoint.pace }], now);
  if (verdict.verdict === 'wait') return { pass: 'hold', until: verdict.until };
  const pace = verdict.states[0]?.state ?? endpoint.pace;
  return {
    pass: 'go',
    endpoint: { ...endpoint, pace, circuit: circuit.circuit },
    isProbe: circuit.isProbe,
  };
}

/**
 * Whether an answer says something about the pace of all that goes to its host: a 429, and a 503 that names
 * a moment. A bare 503 is a failure like any other 5xx: many paths share a host, one of them may be broken,
 * and its deliveries come again after their own waits.
 *
 * @param wallNow Milliseconds since the epoch.
 */
export function isEndpointRefusal(outcome: Outcome, wallNow: number): boolean {
  if (outcome.kind !== 'response') return false;
  if (outcome.status === 429) return true;
  return outcome.status === 503 && namedInstant(503, outcome.headers, wallNow) !== null;
}

/** What an outcome says about the host of an endpoint: every answer, whatever its status, that it is there. */
export function endpointVerdict(outcome: Outcome): CircuitVerdict {
  return outcome.kind === 'response' ? 'up' : circuitVerdict(outcome);
}

/**
 * The endpoint after one delivery to it: 410 disables it, a refusal slows it or pauses it for as long as it
 * asks, within a bound; when it cannot be reached, several times in a row, everything is held back until a
 * probe gets through.
 *
 * @param now Monotonic, `wallNow` milliseconds since the epoch.
 */
export function afterDelivery(
  endpoint: Endpoint,
  outcome: Outcome,
  isProbe: boolean,
  now: number,
  wallNow: number,
): Endpoint {
  const freed = release(endpoint.pace);
  const isGone = outcome.kind === 'response' && outcome.status === 410;
  return {
    pace: taught(freed, outcome, now, wallNow),
    circuit: afterVerdict(endpoint.circuit, endpointVerdict(outcome), isProbe, now),
    disabled: endpoint.disabled ?? (isGone ? { by: 'gone', at: wallNow } : null),
  };
}

function taught(pace: PaceState, outcome: Outcome, now: number, wallNow: number): PaceState {
  if (outcome.kind !== 'response') return pace;
  if (outcome.status === 503 && !isEndpointRefusal(outcome, wallNow)) return pace;
  const next = feedback(pace, outcome, now, wallNow);
  const latest = now + MAX_ENDPOINT_PAUSE_MS;
  return {
    ...next,
    pausedUntil: next.pausedUntil === null ? null : Math.min(next.pausedUntil, latest),
    heldBackUntil: next.heldBackUntil === null ? null : Math.min(next.heldBackUntil, latest),
  };
}

/** The endpoint with its owner's word: disabled, or back as if nothing had been. */
export function withEndpointEnabled(
  endpoint: Endpoint,
  isEnabled: boolean,
  now: number,
  wallNow: number,
): Endpoint {
  if (isEnabled) return createEndpoint(now, endpoint.pace.settings);
  return { ...endpoint, disabled: endpoint.disabled ?? { by: 'owner', at: wallNow } };
}

/**
 * The region from which an attempt of a delivery leaves: of those that its webhook names and that live, one
 * after the other; any live one where it names none. Null: none of them lives, the delivery waits.
 *
 * @param attempt From 1.
 */
export function deliveryRegion(
  regions: readonly string[],
  live: LiveRegions,
  attempt: number,
): string | null {
  if (live === 'any') return regions[(attempt - 1) % Math.max(1, regions.length)] ?? 'local';
  const usable = regions.length === 0 ? live : regions.filter((region) => live.includes(region));
  return usable[(attempt - 1) % Math.max(1, usable.length)] ?? null;
}
