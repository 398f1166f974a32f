import type { JobSpec, PathSpec } from '../job/job-spec.ts';

/** One call of a tree, and where its fields stood in the request. */
export interface PlacedPath {
  readonly path: PathSpec;
  /** The place of a field of this call, for example `on_success.fallback_job.url`. */
  readonly at: (field: string) => string;
}

/**
 * Those calls of a job, of its fallbacks and of all jobs that follow for which it holds. Constant stack. Nothing
 * is made for the others: hardly a job has any.
 */
export function placedPaths(
  spec: JobSpec,
  holds: (path: PathSpec) => boolean,
): readonly PlacedPath[] {
  const found: PlacedPath[] = [];
  const pending: { spec: JobSpec; place: string }[] = [{ spec, place: '' }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    let { place } = next;
    for (const path of next.spec.paths) {
      if (path.trigger !== null) place = under(place, 'fallback_job');
      const own = place;
      if (holds(path)) found.push({ path, at: (field) => under(own, field) });
      const { onFailure, onSuccess } = path;
      if (onFailure !== null) pending.push({ spec: onFailure, place: under(own, 'on_failure') });
      if (onSuccess !== null) pending.push({ spec: onSuccess, place: under(own, 'on_success') });
    }
  }
  return found;
}

function under(place: string, field: string): string {
  return place === '' ? field : `${place}.${field}`;
}
