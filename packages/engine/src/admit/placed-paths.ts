import type { JobSpec, PathSpec } from '../job/job-spec.ts';

/** One call of a tree, and where its fields stood in the request. */
export interface PlacedPath {
  readonly path: PathSpec;
  /** The place of a field of this call, for example `on_success.fallback_job.url`. */
  readonly at: (field: string) => string;
}

/** Every call of a job, of its fallbacks and of all jobs that follow. Constant stack. */
export function* placedPaths(spec: JobSpec): Generator<PlacedPath> {
  const pending: { spec: JobSpec; place: string }[] = [{ spec, place: '' }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    let { place } = next;
    for (const [index, path] of next.spec.paths.entries()) {
      if (index > 0) place += `${place === '' ? '' : '.'}fallback_job`;
      const own = place;
      const at = (field: string): string => (own === '' ? field : `${own}.${field}`);
      yield { path, at };
      if (path.onFailure !== null) pending.push({ spec: path.onFailure, place: at('on_failure') });
      if (path.onSuccess !== null) pending.push({ spec: path.onSuccess, place: at('on_success') });
    }
  }
}
