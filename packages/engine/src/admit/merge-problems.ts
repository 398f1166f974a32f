import type { Problem } from '@ezthrottle/core/protocol';

/**
 * Problems of several checks over one input, each place told once: what an earlier check said about a
 * path stands, and what a later one says about the same path is left out.
 */
export function mergeProblems(...lists: readonly (readonly Problem[])[]): readonly Problem[] {
  const merged: Problem[] = [];
  const told = new Set<string>();
  for (const list of lists) {
    merged.push(...list.filter(({ path }) => !told.has(path)));
    for (const { path } of list) told.add(path);
  }
  return merged;
}
