import { LIMITS } from '@ezthrottle/core/protocol';
import { ARM_AHEAD_MS } from '@ezthrottle/engine';

/** Bounds of the dispatcher. Every one has a default. */
export interface DispatchLimits {
  /** Entries of one account that wait in memory; the rest of its backlog waits in the store. */
  readonly windowPerAccount: number;
  /** Entries that wait in memory over all destinations; beyond it each account keeps a few. */
  readonly windowTotal: number;
  /** How much of a destination's time is armed ahead, in milliseconds. */
  readonly armAheadMs: number;
  /** Attempts that are armed or under way at one time, over all destinations. */
  readonly maxArmed: number;
  /** Destinations that stay in memory while nothing happens at them; the same of limits that jobs name. */
  readonly maxIdleDestinations: number;
  /** … and of the rest, those whose pace is remembered; of more the store knows it. */
  readonly maxTaught: number;
  /** Bytes of jobs that are kept in memory between two of their attempts. */
  readonly cacheBytes: number;
  /** Bytes of an answer that are kept. */
  readonly maxResponseBytes: number;
  /** Rows that one read or one write of upkeep carries. */
  readonly batchRows: number;
  /** What destinations have taught is written down this often, in milliseconds. */
  readonly paceSaveMs: number;
  /** What a key has taught at which nothing happened for this long is forgotten, in milliseconds. */
  readonly paceKeptMs: number;
  /** How long a stop waits for calls under way before it aborts them, in milliseconds. */
  readonly stopTimeoutMs: number;
}

export const DISPATCH_LIMITS: DispatchLimits = {
  windowPerAccount: 64,
  windowTotal: 50_000,
  armAheadMs: ARM_AHEAD_MS,
  maxArmed: 4_096,
  maxIdleDestinations: 10_000,
  maxTaught: 100_000,
  cacheBytes: 16_777_216,
  maxResponseBytes: LIMITS.responseBytes,
  batchRows: 200,
  paceSaveMs: 3_000,
  paceKeptMs: 7 * 86_400_000,
  stopTimeoutMs: 10_000,
};
