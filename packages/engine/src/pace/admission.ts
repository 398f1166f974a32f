import { intervalMs, nextByRate } from './pace-state.ts';
import type { PaceState } from './pace-state.ts';

export interface KeyedPace {
  readonly key: string;
  readonly state: PaceState;
  /** What the request takes from this key's rate; never above its burst. Default 1. */
  readonly cost?: number | undefined;
}

export type PaceWaitReason = 'rate' | 'concurrency' | 'paused' | 'allotment';

export type Admission =
  /** One request may leave now; these states have it booked. */
  | { readonly verdict: 'go'; readonly states: readonly KeyedPace[] }
  /** Ask again at `until`; nothing was booked anywhere. */
  | {
      readonly verdict: 'wait';
      readonly key: string;
      readonly reason: 'rate' | 'paused';
      readonly until: number;
    }
  /**
   * Ask again when a call of this key has ended, or when the key's allotment has been renewed; nothing
   * was booked anywhere.
   */
  | {
      readonly verdict: 'wait';
      readonly key: string;
      readonly reason: 'concurrency' | 'allotment';
      readonly until: null;
    };

/**
 * May one request leave now that counts against all of these keys? All of them or none pay for it.
 * When several hold it back, the answer names a key without allotment before a paused one before a full
 * one before a slow one, and among equals the one that holds it back longest.
 */
export function admit(keys: readonly KeyedPace[], now: number): Admission {
  const ended = keys.find(
    ({ state }) => state.allottedUntil !== undefined && state.allottedUntil <= now,
  );
  if (ended !== undefined) {
    return { verdict: 'wait', reason: 'allotment', key: ended.key, until: null };
  }
  const paused = latest(keys, now, ({ state }) => state.pausedUntil ?? now);
  if (paused !== null) return { verdict: 'wait', reason: 'paused', ...paused };
  const full = keys.find(({ state }) => state.inFlight + 1 > state.concurrency);
  if (full !== undefined) {
    return { verdict: 'wait', reason: 'concurrency', key: full.key, until: null };
  }
  const slow = latest(keys, now, ({ state, cost }) => nextByRate(state, cost));
  if (slow !== null) return { verdict: 'wait', reason: 'rate', ...slow };
  return {
    verdict: 'go',
    states: keys.map(({ key, state, cost }) => ({ key, state: book(state, cost ?? 1, now) })),
  };
}

/** A call of this key has ended: its slot is free. The token stays spent, whatever came of the call. */
export function release(state: PaceState): PaceState {
  return { ...state, inFlight: Math.max(0, state.inFlight - 1) };
}

function book(state: PaceState, cost: number, now: number): PaceState {
  return {
    ...state,
    arrivesAt: Math.max(state.arrivesAt, now) + cost * intervalMs(state),
    inFlight: state.inFlight + 1,
    pausedUntil: null,
  };
}

function latest(
  keys: readonly KeyedPace[],
  now: number,
  freeAt: (keyed: KeyedPace) => number,
): { readonly key: string; readonly until: number } | null {
  let found: { readonly key: string; readonly until: number } | null = null;
  for (const keyed of keys) {
    const until = freeAt(keyed);
    if (until > now && (found === null || until > found.until)) found = { key: keyed.key, until };
  }
  return found;
}
