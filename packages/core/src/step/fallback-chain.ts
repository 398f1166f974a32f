import { isObject } from '../http/json.ts';
import type { FallbackJobRequest } from '../protocol/job.ts';
import { defined } from './defined.ts';
import type { StepFallback, StepNode, StepType } from './step-node.ts';

/** One way of a step: its n-th fallback, counted over the whole chain. */
export interface ChainLink {
  readonly fallback: StepFallback;
  readonly step: StepNode;
  /** Where it runs; a step without a type runs where its own step does. */
  readonly type: StepType;
  /** Place in the tree, for example `fallback[0].fallback[1]`. */
  readonly path: string;
}

/**
 * All fallbacks of a step in the order in which they are tried: behind each its own, then its siblings.
 *
 * @param admit Asked for every link; false ends the list, so that a tree out of bounds costs no more.
 */
export function fallbackChain(
  step: StepNode,
  type: StepType,
  path = '',
  admit: () => boolean = () => true,
): readonly ChainLink[] {
  const links: ChainLink[] = [];
  const collect = (parent: StepNode, parentType: StepType, parentPath: string): boolean =>
    (parent.fallbacks ?? []).every((fallback, index) => {
      if (!admit()) return false;
      const child = fallback.step;
      const link = {
        fallback,
        step: child,
        type: child?.type ?? parentType,
        path: `${parentPath === '' ? '' : `${parentPath}.`}fallback[${index}]`,
      };
      links.push(link);
      // What is no step is told by the rules.
      return !isObject(child) || collect(child, link.type, link.path);
    });
  collect(step, type, path);
  return links;
}

/** The chain as it is sent: each fallback inside the one before. */
export function nestFallbacks(jobs: readonly FallbackJobRequest[]): FallbackJobRequest | undefined {
  return jobs.reduceRight<FallbackJobRequest | undefined>(
    (next, job) => ({ ...job, ...defined({ fallback_job: next }) }),
    undefined,
  );
}
