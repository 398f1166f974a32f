import { StepValidationError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import { memberPath } from '../protocol/checks.ts';
import type { FallbackJobRequest, JobRequest } from '../protocol/job.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { defined } from './defined.ts';
import { fallbackChain, nestFallbacks, type ChainLink } from './fallback-chain.ts';
import { checkWritable } from './json-checks.ts';
import { keyOf, ownFields, triggerOf } from './own-fields.ts';
import { IdempotentStrategy, StepType, type StepNode } from './step-node.ts';
import { TreeBounds } from './tree-bounds.ts';

/**
 * The job of a tree of which all runs on the server: what `compile` gives for it, without its checks,
 * which the server makes, too.
 *
 * @param createId Keys of UNIQUE steps.
 * @throws StepValidationError naming what the server could not judge: steps that would run here, what JSON
 *   would change, words and conditions that are not sent, and more steps than it takes.
 */
export function remoteJob(root: StepNode, createId: () => string): JobRequest {
  const problems: Problem[] = [];
  const bounds = new TreeBounds(problems);
  const admitNode = (step: unknown, path: string): boolean => {
    if (!isObject(step)) problems.push({ path, message: 'is not a step', expected: 'a Step' });
    else problems.push(...checkOwn(step, path));
    return isObject(step);
  };
  const childOf = (step: StepNode | undefined, path: string): JobRequest | undefined => {
    if (step === undefined || !bounds.admitStep() || !admitNode(step, path)) return undefined;
    if (step.type === StepType.FRUGAL) {
      const expected = 'PERFORMANCE, or a client that runs steps: EZThrottle';
      problems.push({ path, message: 'is FRUGAL, and this client only submits', expected });
    }
    const chain = fallbackChain(step, StepType.PERFORMANCE, path, () => bounds.admitStep());
    const links = chain.filter((link) => admitNode(link.step, link.path));
    const fallbacks = links.map((link): FallbackJobRequest => {
      problems.push(...checkTriggers(link));
      return {
        ...ownFields(link.step, StepType.PERFORMANCE, link.step.idempotentKey),
        ...defined({ trigger: triggerOf(link) }),
        ...childrenOf(link.step, link.path),
      };
    });
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

/** What the server cannot judge: what JSON would change, and words that are not sent. */
function checkOwn(step: StepNode, path: string): readonly Problem[] {
  const { onSuccess, onFailure, fallbacks, ...fields } = step;
  return Object.entries(fields).flatMap(([name, value]) => {
    const place = memberPath(path, name);
    const words: readonly unknown[] = Object.values(WORDS[name] ?? {});
    return words.length === 0 || words.includes(value)
      ? checkWritable(name, value, place)
      : [{ path: place, message: 'is unknown', expected: words.join(' or ') }];
  });
}

const WORDS: Readonly<Record<string, object>> = {
  type: StepType,
  idempotentStrategy: IdempotentStrategy,
};

function checkTriggers({ fallback, path }: ChainLink): readonly Problem[] {
  const { step: _, ...condition } = fallback;
  const names = Object.keys(condition);
  if (names.length === 0 || /^triggerOn(Error|Timeout)$/.test(names.join())) return [];
  const expected = 'one of triggerOnError and triggerOnTimeout';
  return [{ path, message: `has the condition ${names.join()}`, expected }];
}
