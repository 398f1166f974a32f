import type { JobSpec } from '../job/job-spec.ts';
import type { RunState } from '../job/run.ts';
import type { AcceptContext, Decision } from './decision.ts';
import { withEffects } from './decision.ts';
import { startPath } from './start-path.ts';
import { nextWakeAt } from './wake.ts';

/**
 * A new job's first state: the legs of its own call stand in line, not before `notBefore`.
 *
 * @returns `enqueue` for each leg and one `wake`. It never ends a job: where no region is alive, the
 *   wake comes at once and `decide` says what follows.
 */
export function accept(spec: JobSpec, context: AcceptContext): Decision {
  const isLater = spec.notBefore !== null && spec.notBefore > context.now;
  const run: RunState = {
    state: isLater ? 'scheduled' : 'pending',
    acceptedAt: context.now,
    attempts: 0,
    legs: [],
    paths: spec.paths.map(() => ({ state: 'idle' })),
    lastStartedPath: 0,
    end: null,
  };
  const started = startPath({ run, effects: [] }, spec, 0, context);
  return withEffects(started, {
    type: 'wake',
    at: nextWakeAt(spec, started.run, context.deadlineMs),
  });
}
