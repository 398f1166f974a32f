import type { LiveRegions } from '../decide/decision.ts';
import type { Outcome } from '../job/outcome.ts';
import { admit, release } from '../pace/admission.ts';
import { afterCall, type Circuit, CLOSED_CIRCUIT, passCircuit } from '../pace/circuit.ts';
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
  floorPerSecond: 0.1,
};

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
 * The endpoint after one delivery to it: 410 disables it, a 429 or 503 slows it or pauses it for as long as
 * it asks, failures in a row hold everything back until a probe succeeds.
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
    pace: outcome.kind === 'response' ? feedback(freed, outcome, now, wallNow) : freed,
    circuit: afterCall(endpoint.circuit, outcome, isProbe, now),
    disabled: endpoint.disabled ?? (isGone ? { by: 'gone', at: wallNow } : null),
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
