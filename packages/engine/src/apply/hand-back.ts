import { lasting } from '../decide/lasting.ts';
import type { RunState } from '../job/run.ts';
import type { EndedAttempt } from '../ports/operation.ts';
import type { ArmedRef } from './line-ref.ts';
import { abortedAttempt } from './plan-advance.ts';
import { legOf } from './queued-work.ts';

/**
 * The run with an armed leg waiting again, and its attempt ended: for one that certainly was not sent,
 * which therefore costs nothing. Null when the leg is not armed with this attempt. Pure.
 */
export function handBack(
  run: RunState,
  armed: ArmedRef,
  now: number,
): { readonly run: RunState; readonly ended: EndedAttempt } | null {
  const leg = legOf(run, armed.leg);
  if (leg?.state !== 'armed' || leg.token !== armed.token) return null;
  const { attempt, token } = leg;
  const legs = run.legs.map((other) =>
    other.id === leg.id ? { ...lasting(leg), state: 'waiting' as const, readyAt: now } : other,
  );
  return { run: { ...run, legs }, ended: abortedAttempt(attempt, token, now, null) };
}
