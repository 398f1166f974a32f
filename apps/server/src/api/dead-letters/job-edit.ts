import type { JobEdit, Problem } from '@ezthrottle/core/protocol';
import { checkJob, editAsJob, normaliseJob } from '@ezthrottle/engine';
import { fullCheck } from '../schema-check.ts';
import { ApiError, refuseProblems } from '../api-error.ts';
import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';

/** Stands for the address that a job has already. */
const ANY_URL = 'https://unchanged.invalid/';

/** What is wrong with an edit: what would be wrong with a job that has it. */
export function editProblems(edit: JobEdit | undefined): readonly Problem[] {
  if (edit === undefined) return [];
  const job = editAsJob(edit, edit.url ?? ANY_URL);
  const normalised = normaliseJob(job);
  const problems = [...normalised.problems, ...checkJob(normalised.value).problems];
  return problems.map((problem) => ({ ...problem, path: `edit.${problem.path}` }));
}

/** A reader of bodies that throws `validation_failed` with all that is wrong; no body is an empty one. */
export function bodyReader<Request extends object>(
  schema: JsonSchema,
  more: (sound: Partial<Request>) => readonly Problem[] = () => [],
): (body: unknown) => Request {
  const check = fullCheck<Request>(schema, more);
  return (body) => {
    const checked = check(body ?? {});
    if (checked.ok) return checked.value;
    refuseProblems(checked.problems, 'the request');
    throw new ApiError('validation_failed', 'the request is not valid');
  };
}
