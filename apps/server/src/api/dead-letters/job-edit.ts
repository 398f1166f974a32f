import type { JobEdit, Problem } from '@ezthrottle/core/protocol';
import { checkJob, editAsJob, normaliseJob } from '@ezthrottle/engine';
import { schemaCheck } from '../schema-check.ts';
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

/**
 * A reader of bodies that throws `validation_failed` with all that is wrong; no body is an empty one. What
 * has fields that are not known is looked at for what else is wrong all the same.
 */
export function bodyReader<Request>(
  schema: JsonSchema,
  more: (request: Request) => readonly Problem[] = () => [],
): (body: unknown) => Request {
  const check = schemaCheck<Request>(schema);
  const checkKnown = schemaCheck<Request>(opened(schema));
  return (body) => {
    const checked = check(body ?? {});
    const known = checked.ok ? checked : checkKnown(body ?? {});
    refuseProblems(
      [...(checked.ok ? [] : checked.problems), ...(known.ok ? more(known.value) : [])],
      'the request',
    );
    if (checked.ok) return checked.value;
    throw new ApiError('validation_failed', 'the request is not valid');
  };
}

/** The same schema, which lets fields pass that it does not know. */
function opened(schema: JsonSchema): JsonSchema {
  return JSON.parse(
    JSON.stringify(schema, (keyword, value: unknown) =>
      keyword === 'additionalProperties' && value === false ? undefined : value,
    ),
  );
}
