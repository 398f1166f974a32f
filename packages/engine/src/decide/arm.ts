import type { Leg, RunState } from '../job/run.ts';
import { lasting } from './lasting.ts';
import { withLeg } from './start-path.ts';

/** A run with one more attempt committed, and that attempt's number. */
export interface ArmedLeg {
  readonly run: RunState;
  readonly attempt: number;
}

/**
 * Gives a waiting leg its next attempt number and this token. Numbers count up over the whole job and
 * are never given twice. Null when the leg does not wait: it was withdrawn, or is armed already.
 */
export function arm(run: RunState, legId: number, token: string): ArmedLeg | null {
  const leg = run.legs.find(({ id }) => id === legId);
  if (run.end !== null || leg === undefined || leg.state !== 'waiting') return null;
  const attempt = run.attempts + 1;
  const armed: Leg = { ...lasting(leg), state: 'armed', attempt, token };
  return { run: { ...withLeg(run, armed), attempts: attempt, state: 'processing' }, attempt };
}
