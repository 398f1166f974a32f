import { checkUrl, memberPath } from '../protocol/checks.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { isObject } from '../http/json.ts';
import { fallbackChain, type ChainLink } from './fallback-chain.ts';
import { checkKey } from './field-checks.ts';
import { StepType, type StepNode } from './step-node.ts';
import { checkFallback, checkStep } from './step-rules.ts';
import { admitLevel, TreeBounds } from './tree-bounds.ts';
import { wayBack } from './way-back.ts';

export interface ValidationOptions {
  readonly continueAt?: string;
  readonly canSeal: boolean;
}

/** One walk over a tree. */
interface Walk {
  readonly problems: Problem[];
  readonly options: ValidationOptions;
  readonly bounds: TreeBounds;
}

interface Place {
  readonly path: string;
  /** From 1. All fallbacks of a step share the level below it, however long their list is. */
  readonly level: number;
}

/** Everything that is wrong with a step tree, each with its path; empty when it compiles. */
export function validateStep(root: StepNode, options: ValidationOptions): readonly Problem[] {
  const problems: Problem[] = [];
  const walk: Walk = { problems, options, bounds: new TreeBounds(problems) };
  if (options.continueAt !== undefined) {
    problems.push(...checkUrl(options.continueAt, 'client.continueAt'));
  }
  if (walk.bounds.admitStep()) visit(root, { path: '', level: 1 }, walk);
  return problems;
}

function visit(step: StepNode, { path, level }: Place, walk: Walk): void {
  const { problems, bounds } = walk;
  const runs = step.type === StepType.FRUGAL ? StepType.FRUGAL : StepType.PERFORMANCE;
  const all = fallbackChain(step, runs, path, () => bounds.admitStep());
  checkStep(step, path, { problems, step, runs });
  problems.push(...checkKey(step, runs, path));
  for (const link of all) {
    const check = { problems, step: link.step, runs: link.type };
    if (isObject(link.step)) checkStep(link.step, link.path, check);
    checkFallback(link.fallback, link.path, check);
  }
  const chain = all.filter((link) => isObject(link.step));
  checkWayBack(step, runs, path, chain, walk);
  visitChildren(step, { path, level }, walk);
  const [first] = chain;
  if (first === undefined || !admitLevel(level + 1, first.path, problems)) return;
  for (const link of chain) visitChildren(link.step, { path: link.path, level: level + 1 }, walk);
}

function visitChildren({ onSuccess, onFailure }: StepNode, place: Place, walk: Walk): void {
  const { bounds } = walk;
  const children = [
    { child: onSuccess, path: memberPath(place.path, 'onSuccess') },
    { child: onFailure, path: memberPath(place.path, 'onFailure') },
  ];
  for (const { child, path } of children) {
    const level = place.level + 1;
    if (child === undefined) continue;
    if (!isObject(child)) {
      walk.problems.push({ path, message: 'is not a step', expected: 'a Step' });
      continue;
    }
    if (admitLevel(level, path, walk.problems) && bounds.admitStep())
      visit(child, { path, level }, walk);
  }
}

/** A FRUGAL step that follows a job needs an endpoint of ours that is told, and a key to seal with. */
function checkWayBack(
  step: StepNode,
  type: StepType,
  path: string,
  chain: readonly ChainLink[],
  walk: Walk,
): void {
  // What follows a step that runs here is handed over only if it is forwarded: said then, if at all.
  const jobs =
    type === StepType.FRUGAL
      ? chain.filter((way) => way.type !== StepType.FRUGAL)
      : [{ step, path }, ...chain];
  const cuts = jobs.flatMap((way) => cutsOf(way.step, way.path));
  if (cuts.length === 0) return;
  const hasWay = wayBack(step, walk.options.continueAt ?? null) !== null;
  if (hasWay && walk.options.canSeal) return;
  const [lack, expected] = hasWay
    ? ['and there is no key to seal it with', 'the client option continuationKey or webhookSecret']
    : [
        'which has no way to tell us its end',
        'webhooks or continueAt(url) on that job, or the client option continueAt',
      ];
  const message = `is FRUGAL and follows a job of the server, ${lack}`;
  walk.problems.push(...cuts.map((cut) => ({ path: cut, message, expected })));
}

function cutsOf({ onSuccess, onFailure }: StepNode, path: string): readonly string[] {
  return [
    ...(onSuccess?.type === StepType.FRUGAL ? [memberPath(path, 'onSuccess')] : []),
    ...(onFailure?.type === StepType.FRUGAL ? [memberPath(path, 'onFailure')] : []),
  ];
}
