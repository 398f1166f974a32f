import type { JobSpec, PathSpec } from '../job/job-spec.ts';

/** The key of an account's limit as a resource; null: the account has none. */
export type AccountLimitLookup = (userId: string) => string | null;

/**
 * The job with the limit of its account among the limits of each of its calls, and likewise for the jobs
 * that follow, each under its own account. The same object where no account has a limit.
 */
export function withAccountLimits(spec: JobSpec, limitOf: AccountLimitLookup): JobSpec {
  const key = spec.userId === '' ? null : limitOf(spec.userId);
  if (key === null && spec.paths.every(isFollowedByNone)) return spec;
  const [first, ...others] = spec.paths.map((path) => withLimit(path, key, limitOf));
  const isSame = spec.paths.every((path, index) => path === [first, ...others][index]);
  return first === undefined || isSame ? spec : { ...spec, paths: [first, ...others] };
}

function isFollowedByNone({ onSuccess, onFailure }: PathSpec): boolean {
  return onSuccess === null && onFailure === null;
}

function withLimit(path: PathSpec, key: string | null, limitOf: AccountLimitLookup): PathSpec {
  const onSuccess = path.onSuccess && withAccountLimits(path.onSuccess, limitOf);
  const onFailure = path.onFailure && withAccountLimits(path.onFailure, limitOf);
  if (key === null && onSuccess === path.onSuccess && onFailure === path.onFailure) return path;
  const limits = [...(path.limits ?? []), ...(key === null ? [] : [{ key, cost: 1 }])];
  return { ...path, ...(limits.length > 0 && { limits }), onSuccess, onFailure };
}
