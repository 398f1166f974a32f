import type { Effect } from '../job/effect.ts';
import type { RunState } from '../job/run.ts';

/** Regions that can send now, in order of preference; `any`: every region named is served. */
export type LiveRegions = readonly string[] | 'any';

/** The world as one decision sees it. */
export interface AcceptContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly liveRegions: LiveRegions;
  /** Of these live regions, those from which this origin is known to be reached. Absent: all of them. */
  readonly reachable?: (origin: string, regions: readonly string[]) => readonly string[];
  /** Time after which a job fails whatever it does, in milliseconds. Default `DEFAULTS.deadlineMs`. */
  readonly deadlineMs?: number;
}

/** What is known of a path's destination when a second call is thought about. */
export interface Hedging {
  /** Time within which this many percent of the origin's answers came, in milliseconds; null: not known yet. */
  readonly latencyMs: (origin: string, percentile: number) => number | null;
  /** Whether one more second call keeps within this many percent of all calls to the origin. */
  readonly allows: (origin: string, budgetPercent: number) => boolean;
}

export interface DecideContext extends AcceptContext {
  /** From 0 (included) to 1 (excluded): spreads the backoff. */
  readonly random: () => number;
  /** Absent: no second calls are started. */
  readonly hedging?: Hedging;
}

/** What a job is after an event, and what must follow from it. No effects: nothing changed that others see. */
export interface Decision {
  readonly run: RunState;
  readonly effects: readonly Effect[];
}

/** Puts more effects behind a decision's. */
export function withEffects(decision: Decision, ...effects: readonly Effect[]): Decision {
  return { run: decision.run, effects: [...decision.effects, ...effects] };
}
