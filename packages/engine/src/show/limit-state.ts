import type { LimitStateView } from '@ezthrottle/core/protocol';
import type { Circuit } from '../pace/circuit.ts';
import { effectiveBurst, owedRequests, type PaceState } from '../pace/pace-state.ts';
import type { Clock } from '../ports/clock.ts';

/** Where a limit stands, by those who pace. */
export interface LimitState {
  readonly pace: PaceState;
  readonly circuit: Circuit;
  /** Calls in line that memory holds. */
  readonly waiting: number;
}

/**
 * @param periodMs Period of the limit's units.
 * @param heldUntil End of the pause by hand, in milliseconds since the epoch.
 */
export function limitStateView(
  { pace, circuit, waiting }: LimitState,
  periodMs: number,
  heldUntil: number | null,
  clock: Pick<Clock, 'now' | 'monotonic'>,
): LimitStateView {
  const [now, wallNow] = [clock.monotonic(), clock.now()];
  const toWall = (at: number): number => Math.ceil(wallNow + at - now);
  const units = (perSecond: number): number => perSecond * (periodMs / 1_000);
  const taughtUntil =
    pace.pausedUntil !== null && pace.pausedUntil > now ? toWall(pace.pausedUntil) : null;
  const isHeld = heldUntil !== null && heldUntil > wallNow;
  const probeAt =
    circuit.state === 'open' && circuit.probeAt > now ? toWall(circuit.probeAt) : null;
  const isDown = circuit.state === 'open' || circuit.state === 'probing';
  const ends = [isHeld ? heldUntil : null, taughtUntil, probeAt].filter((end) => end !== null);
  const until = ends.length === 0 ? null : Math.max(...ends);
  const isAllotted = pace.allottedUntil === undefined || pace.allottedUntil > now;
  return {
    rate: isAllotted ? units(pace.ratePerSecond) : 0,
    tokens: isAllotted ? Math.max(0, effectiveBurst(pace) - owedRequests(pace, now)) : 0,
    concurrency: isAllotted ? Math.floor(pace.concurrency) : 0,
    in_flight: pace.inFlight,
    waiting,
    paused_until: until !== null && Number.isFinite(until) ? until : null,
    paused_by: isHeld ? 'hand' : isDown ? 'circuit' : taughtUntil !== null ? 'target' : null,
    circuit: circuit.state,
    // What a target announces is meant for the whole, of which a share has learned its part.
    learned_rate:
      pace.learnedRate === null ? null : units(pace.learnedRate / (pace.settings.part ?? 1)),
    lowered_at: pace.decreasedAt === null ? null : toWall(pace.decreasedAt),
  };
}
