import type { LineAccount } from '../pace/fair-line.ts';
import { textHash } from './text-hash.ts';

/**
 * Into how many parts the accounts of one destination are divided, each with a home of its own. The
 * destination's pace is then a limit that the homes share (`divideAmongHomes`), with the accounts that wait
 * as their demand, so that each account has the same part of it as before.
 */
export type KeyParts = 1 | 2 | 4 | 8 | 16;

export interface SplitOptions {
  /** Calls per second to one destination that one node is let to do. Default 2,000. */
  readonly callsPerSecond: number;
  /** Above this share of it (of each part) a key is split once more. Default 0.8. */
  readonly splitAbove: number;
  /** Below this share of it two parts become one again. Default 0.3. */
  readonly joinBelow: number;
}

export const SPLIT: SplitOptions = { callsPerSecond: 2_000, splitAbove: 0.8, joinBelow: 0.3 };

/** What is known of a destination's work. */
export interface KeyLoad {
  /** Calls per second over all parts of late: what its pace and its jobs come to. */
  readonly callsPerSecond: number;
  /** Accounts with work; an account is never divided. */
  readonly accounts: number;
}

/**
 * Into how many parts a key ought to be divided, one step at a time. With the defaults a key that was split
 * stays so until its load has fallen below three quarters of what it was split for.
 */
export function keyParts(parts: KeyParts, load: KeyLoad, options: SplitOptions = SPLIT): KeyParts {
  const perPart = load.callsPerSecond / parts / options.callsPerSecond;
  const more = STEPS[STEPS.indexOf(parts) + 1] ?? parts;
  const fewer = STEPS[STEPS.indexOf(parts) - 1] ?? parts;
  if (load.accounts < parts) return fewer;
  if (perPart > options.splitAbove) return load.accounts >= more ? more : parts;
  return perPart < options.joinBelow ? fewer : parts;
}

const STEPS: readonly KeyParts[] = [1, 2, 4, 8, 16];

/** Into so many parts a key is divided, at most. */
export const MOST_PARTS = 16;

/**
 * The part in which an account's calls stand, from 0 to `parts` - 1. When parts are doubled half of the accounts
 * stay where they are; calls that are in line already keep their place, and are made there.
 */
export function partOfAccount({ apiKey, userId }: LineAccount, parts: KeyParts): number {
  return parts === 1 ? 0 : textHash(JSON.stringify([apiKey, userId])) % parts;
}

/**
 * How many slots lie between a key's own slot and that of a part of it. Nodes have stretches of slots next to
 * each other, or every so-manieth slot, by how they came to them: this finds different nodes in either case.
 */
export function slotsToPart(part: number): number {
  const [eights, fours, twos, ones] = [8, 4, 2, 1].map((bit) => ((part & bit) === 0 ? 0 : 1));
  const mirrored = (ones ?? 0) * 8 + (twos ?? 0) * 4 + (fours ?? 0) * 2 + (eights ?? 0);
  return mirrored * 64 + part * 5;
}
