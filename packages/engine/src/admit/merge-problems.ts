import type { Problem } from '@ezthrottle/core/protocol';

/** Problems listed in one answer: enough to mend by, and no longer than somebody reads. */
export const MAX_PROBLEMS = 100;

/**
 * Problems of several checks over one input, each place told once: what an earlier check said about a
 * path stands, and what a later one says about the same path is left out. At most
 * `MAX_PROBLEMS`.
 */
export function mergeProblems(...lists: readonly (readonly Problem[])[]): readonly Problem[] {
  const merged: Problem[] = [];
  const told = new Set<string>();
  for (const list of lists) {
    const fresh = list.filter(({ path }) => !told.has(path)).slice(0, MAX_PROBLEMS);
    merged.push(...fresh);
    for (const { path } of fresh) told.add(path);
  }
  return merged.slice(0, MAX_PROBLEMS);
}
