import type { JobRequest } from '@ezthrottle/core/protocol';
import type { Effect } from '../job/effect.ts';
import type { Outcome } from '../job/outcome.ts';
import type { JobEnd } from '../job/run.ts';
import { JobScript, START } from './job-script.test-support.ts';

/** One job and what happens to it; times are milliseconds since acceptance, chance is always 0. */
export interface DecisionVector {
  readonly name: string;
  readonly job: Partial<JobRequest>;
  readonly live_regions?: readonly string[];
  readonly accepted: readonly unknown[];
  readonly steps: readonly VectorStep[];
}

export interface VectorStep {
  readonly at: number;
  readonly event: VectorEvent;
  readonly effects: readonly unknown[];
}

/** `send` arms a leg and sends its first byte; `outcome` is that of the leg's armed attempt. */
export type VectorEvent =
  | { readonly type: 'send'; readonly leg: number }
  | { readonly type: 'outcome'; readonly leg: number; readonly outcome: Outcome }
  | { readonly type: 'wake' }
  | { readonly type: 'cancel' };

/** What the rules decide on a vector's events, in the vector's own form. */
export function replay(
  vector: Pick<DecisionVector, 'job' | 'live_regions'>,
  events: readonly { readonly at: number; readonly event: VectorEvent }[],
): Pick<DecisionVector, 'accepted' | 'steps'> {
  const script = new JobScript(vector.job, { liveRegions: vector.live_regions ?? 'any' });
  const accepted = script.effects.map(relative);
  const steps = events.map(({ at, event }) => {
    script.at = at;
    const start = script.effects.length;
    perform(script, event);
    return { at, event, effects: script.effects.slice(start).map(relative) };
  });
  return { accepted, steps };
}

function perform(script: JobScript, event: VectorEvent): void {
  switch (event.type) {
    case 'send':
      script.send(event.leg);
      return;
    case 'outcome':
      script.settle(event.leg, event.outcome);
      return;
    case 'wake':
    case 'cancel':
      script.decide(event);
  }
}

function relative(effect: Effect): unknown {
  switch (effect.type) {
    case 'enqueue':
      return { type: 'enqueue', leg: effect.leg, ready_at: effect.readyAt - START };
    case 'wake':
      return { type: 'wake', at: effect.at === null ? null : effect.at - START };
    case 'end':
      return { type: 'end', end: relativeEnd(effect.end) };
    case 'spawn':
      return { type: 'spawn', edge: effect.edge };
    case 'withdraw':
    case 'keep_response':
    case 'deliver':
      return effect;
  }
}

function relativeEnd({ triedPaths, ...end }: JobEnd): unknown {
  return { ...end, at: end.at - START, tried_paths: triedPaths };
}
