import {
  type FallbackJobRequest,
  type JobRequest,
  memberPath,
  type Problem,
} from '@ezthrottle/core/protocol';
import { SINGLE_FALLBACK_SCHEMA, SINGLE_JOB_SCHEMA } from '@ezthrottle/core/protocol/schemas';
import { JOB_EDGES } from '@ezthrottle/engine';
import { type Checked, schemaCheck } from '../schema-check.ts';

const checkJob = schemaCheck<JobRequest>(SINGLE_JOB_SCHEMA);
const checkFallback = schemaCheck<FallbackJobRequest>(SINGLE_FALLBACK_SCHEMA);

/**
 * Checks a tree of jobs against the schema, job by job. Its size is bounded by the normaliser before;
 * constant stack, however long a list of fallbacks is.
 */
export function checkJobShape(tree: unknown): Checked<JobRequest> {
  const root = checkJob(tree);
  const problems: Problem[] = root.ok ? [] : [...root.problems];
  const pending = jobsUnder(tree, '');
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, value, isFallback } = next;
    const checked = isFallback ? checkFallback(value) : checkJob(value);
    if (!checked.ok) problems.push(...checked.problems.map((problem) => below(path, problem)));
    pending.push(...jobsUnder(value, path));
  }
  return root.ok && problems.length === 0 ? root : { ok: false, problems };
}

interface Place {
  readonly path: string;
  readonly value: unknown;
  readonly isFallback: boolean;
}

function jobsUnder(job: unknown, path: string): Place[] {
  if (typeof job !== 'object' || job === null) return [];
  return JOB_EDGES.flatMap((edge): Place[] => {
    const value: unknown = Reflect.get(job, edge);
    // What is there but is no object has been told with the job itself.
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    return [{ path: memberPath(path, edge), value, isFallback: edge === 'fallback_job' }];
  });
}

function below(path: string, problem: Problem): Problem {
  return { ...problem, path: problem.path === '' ? path : `${path}.${problem.path}` };
}
