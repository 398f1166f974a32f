import { clampConcurrency, clampRate, PACE_LAW } from './pace-settings.ts';
import type { PaceSettings } from './pace-settings.ts';
import { createPace, effectiveBurst, intervalMs, owedRequests } from './pace-state.ts';
import type { PaceState } from './pace-state.ts';

/** Both clocks, read at the same moment: what is saved must outlive the monotonic one. */
export interface PaceMoment {
  readonly now: number;
  readonly wallNow: number;
}

interface SavedPace {
  readonly version: 1;
  readonly ratePerSecond: number;
  readonly concurrency: number;
  readonly learnedRate: number | null;
  readonly learnedConcurrency: number | null;
  readonly owed: number;
  /** Milliseconds since the epoch. */
  readonly pausedUntil: number | null;
  /** The same; older servers did not write it. */
  readonly savedAt?: number;
}

/** What a key has learned, as a line of JSON. Calls under way are not part of it. */
export function savePace(state: PaceState, moment: PaceMoment): string {
  const pauseMs = state.pausedUntil === null ? 0 : state.pausedUntil - moment.now;
  // Of a share: what the whole would have taught.
  const { part = 1 } = state.settings;
  const saved: SavedPace = {
    version: 1,
    ratePerSecond: state.ratePerSecond / part,
    concurrency: state.concurrency / part,
    learnedRate: state.learnedRate === null ? null : state.learnedRate / part,
    learnedConcurrency: state.learnedConcurrency === null ? null : state.learnedConcurrency / part,
    owed: owedRequests(state, moment.now),
    pausedUntil: pauseMs > 0 ? Math.ceil(moment.wallNow + pauseMs) : null,
    savedAt: Math.floor(moment.wallNow),
  };
  return JSON.stringify(saved);
}

/**
 * The key as it was saved, under today's settings (of the whole limit) and with its burst spent. What cannot be true (a
 * pause of a year after the wall clock jumped, text that is not ours) is clamped or left out.
 */
export function restorePace(data: string, settings: PaceSettings, moment: PaceMoment): PaceState {
  const saved = read(data);
  const fresh = createPace(settings, moment.now);
  if (saved === null) return withOwed(fresh, 0, moment.now);
  const learnedRate = saved.learnedRate === null ? null : clampRate(settings, saved.learnedRate);
  const learnedConcurrency =
    saved.learnedConcurrency === null ? null : clampConcurrency(settings, saved.learnedConcurrency);
  const wanted = Math.max(settings.ratePerSecond, learnedRate ?? 0);
  const slots = Math.max(settings.concurrency, learnedConcurrency ?? 0);
  const pauseMs = (saved.pausedUntil ?? 0) - moment.wallNow;
  const rate = Math.min(wanted, clampRate(settings, saved.ratePerSecond));
  return withOwed(
    {
      ...fresh,
      ratePerSecond: rate,
      // Where it was refused is not known any more: it grows from here.
      peakRate: rate,
      troughRate: rate,
      concurrency: Math.min(slots, clampConcurrency(settings, saved.concurrency)),
      learnedRate,
      learnedConcurrency,
      pausedUntil: pauseMs > 0 ? moment.now + Math.min(pauseMs, PACE_LAW.maxPauseMs) : null,
    },
    saved.owed,
    moment.now,
  );
}

/** At least a whole burst is owed, and no more than the largest burst that this key can have had. */
function withOwed(state: PaceState, owed: number, now: number): PaceState {
  const burst = effectiveBurst(state);
  const largest = Math.max(
    burst,
    1 + (state.settings.maxPerSecond * PACE_LAW.timerSlackMs) / 1_000,
  );
  const clamped = Math.min(largest, Math.max(burst, owed));
  return { ...state, arrivesAt: now + clamped * intervalMs(state) };
}

/** In the key's own line of JSON, and in that of a key with its circuit, where it stands within a text. */
const SAVED_AT = /\\?"savedAt\\?":(\d{1,16})/;

function read(data: string): SavedPace | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields: Partial<Record<keyof SavedPace, unknown>> = value;
  const ratePerSecond = positive(fields.ratePerSecond);
  const concurrency = positive(fields.concurrency);
  if (fields.version !== 1 || ratePerSecond === null || concurrency === null) return null;
  return {
    version: 1,
    ratePerSecond,
    concurrency,
    learnedRate: positive(fields.learnedRate),
    learnedConcurrency: positive(fields.learnedConcurrency),
    owed: positive(fields.owed) ?? 0,
    pausedUntil: positive(fields.pausedUntil),
  };
}

/** When a key was saved, in milliseconds since the epoch; null: it does not say. */
export function paceSavedAt(data: string): number | null {
  const found = SAVED_AT.exec(data);
  return found === null ? null : Number(found[1]);
}

function positive(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null;
}
