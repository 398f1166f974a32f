import type { LocalPlan } from '../protocol/plan.ts';
import type { LocalOutcome, LocalResult } from './step-result.ts';

/** What a step gives that ended here. */
export function localResult(
  { job }: LocalPlan,
  outcome: LocalOutcome,
  children: LocalResult['children'],
): LocalResult {
  return Object.assign(new LocalStepResult(children), {
    kind: 'local',
    executed_locally: true,
    job_id: null,
    idempotent_key: job.idempotent_key ?? null,
    ...outcome,
  } as const);
}

/** What follows is no member of the result's own, so that JSON and copies leave it out. */
class LocalStepResult {
  readonly #children: LocalResult['children'];

  constructor(children: LocalResult['children']) {
    this.#children = children;
  }

  get children(): LocalResult['children'] {
    return this.#children;
  }
}
