import type { WarningView } from '@ezthrottle/core/protocol';
import { checkJob, type JobSpec, mergeProblems, normaliseJob, toJobSpec } from '@ezthrottle/engine';
import { ApiError, refuseProblems } from '../api-error.ts';
import { checkJobShape } from './job-shape.ts';

/**
 * A submitted job, however its client spells it, with every default filled in.
 *
 * @throws ApiError `validation_failed` with all that is wrong, each with its path.
 */
export function readJob(body: unknown): {
  readonly spec: JobSpec;
  readonly warnings: readonly WarningView[];
} {
  if (body === undefined) {
    throw new ApiError('validation_failed', 'the request has no body: send a job as JSON');
  }
  const normalised = normaliseJob(body);
  // A tree beyond its bounds was not read to its end: what else is wrong cannot be told.
  refuseProblems(normalised.problems, 'the job');
  const shape = checkJobShape(normalised.value);
  const rules = checkJob(normalised.value);
  if (!shape.ok || rules.problems.length > 0) {
    refuseProblems(mergeProblems(shape.ok ? [] : shape.problems, rules.problems), 'the job');
    throw new ApiError('validation_failed', 'the job is not valid');
  }
  return {
    spec: toJobSpec(shape.value),
    warnings: [...normalised.warnings, ...rules.warnings],
  };
}
