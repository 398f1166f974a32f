import type { ArmedAttempt, EndedAttempt, NewWork } from '@ezthrottle/engine';
import { Rejection } from './rejection.ts';

/** What of a live job is armed, as its run's row holds it. */
export interface ArmedParts {
  readonly legs: readonly number[];
  readonly attempts: readonly ArmedAttempt[];
}

const NOTHING: ArmedParts = { legs: [], attempts: [] };

export function restoredArmed(stored: string | null): ArmedParts {
  return stored === null ? NOTHING : JSON.parse(stored);
}

/** Null when nothing is armed: then the row is in no index of armed ones. */
export function storedArmed({ legs, attempts }: ArmedParts): string | null {
  return legs.length + attempts.length === 0 ? null : JSON.stringify({ legs, attempts });
}

export interface ArmedChange {
  readonly putWork: readonly NewWork[];
  readonly removeWork: readonly number[];
  readonly armed: readonly ArmedAttempt[];
  readonly ended: readonly EndedAttempt[];
}

/**
 * What is armed after a change, and the highest attempt number given by then.
 *
 * @throws Rejection for a number that was given before, or an attempt that was not armed under its token.
 */
export function changedArmed(
  before: ArmedParts,
  given: number,
  { putWork, removeWork, armed, ended }: ArmedChange,
): ArmedParts & { readonly given: number } {
  const legs = new Set(before.legs);
  for (const { leg, state } of putWork) {
    if (state === 'armed') legs.add(leg);
    else legs.delete(leg);
  }
  for (const leg of removeWork) legs.delete(leg);
  let highest = given;
  for (const { attempt } of armed) {
    if (attempt <= highest) throw new Rejection(`armed: attempt ${attempt} was given before`);
    highest = attempt;
  }
  const attempts = [...before.attempts, ...armed];
  for (const one of ended) {
    const index = attempts.findIndex(
      ({ attempt, token }) => attempt === one.attempt && token === one.token,
    );
    if (index < 0) {
      throw new Rejection(`ended: attempt ${one.attempt} was not armed with this token`);
    }
    attempts.splice(index, 1);
  }
  return { legs: [...legs].sort((one, other) => one - other), attempts, given: highest };
}
