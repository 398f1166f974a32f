import { StepValidationError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import type { FallbackJobRequest, JobRequest } from '../protocol/job.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { defined } from './defined.ts';
import { fallbackChain, nestFallbacks } from './fallback-chain.ts';
import { keyOf, ownFields, triggerOf } from './own-fields.ts';
import { StepType, type StepNode } from './step-node.ts';
import { TreeBounds } from './tree-bounds.ts';

/**
 * The job of a tree of which all runs on the server: what `compile` gives for it, without its checks,
 * which the server makes, too.
 *
 * @param createId Keys of UNIQUE steps.
 * @throws StepValidationError naming every step that would run here, whatever is no step, and too many of them.
 */
export function remoteJob(root: StepNode, createId: () => string): JobRequest {
  const problems: Problem[] = [];
  const bounds = new TreeBounds(problems);
  const admitNode = (step: unknown, path: string): boolean => {
    if (isObject(step)) return true;
    problems.push({ path, message: 'is not a step', expected: 'a Step' });
    return false;
  };
  const childOf = (step: StepNode | undefined, path: string): JobRequest | undefined => {
    if (step === undefined || !bounds.admitStep() || !admitNode(step, path)) return undefined;
    if (step.type === StepType.FRUGAL) {
      const expected = 'PERFORMANCE, or a client that runs steps: EZThrottle';
      problems.push({ path, message: 'is FRUGAL, and this client only submits', expected });
    }
    const chain = fallbackChain(step, StepType.PERFORMANCE, path, () => bounds.admitStep());
    const links = chain.filter((link) => admitNode(link.step, link.path));
    const fallbacks = links.map(
      (link): FallbackJobRequest => ({
        ...ownFields(link.step, StepType.PERFORMANCE, link.step.idempotentKey),
        ...defined({ trigger: triggerOf(link) }),
        ...childrenOf(link.step, link.path),
      }),
    );
    return {
      ...ownFields(step, StepType.PERFORMANCE, keyOf(step, createId)),
      ...childrenOf(step, path),
      ...defined({ fallback_job: nestFallbacks(fallbacks) }),
    };
  };
  const childrenOf = (
    { onSuccess, onFailure }: StepNode,
    path: string,
  ): Pick<JobRequest, 'on_success' | 'on_failure'> => {
    const prefix = path === '' ? '' : `${path}.`;
    return defined({
      on_success: childOf(onSuccess, `${prefix}onSuccess`),
      on_failure: childOf(onFailure, `${prefix}onFailure`),
    });
  };
  const job = childOf(root, '');
  if (job === undefined || problems.length > 0) throw new StepValidationError(problems);
  return job;
}
