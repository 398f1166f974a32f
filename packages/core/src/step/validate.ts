import { checkHeaders, checkMethod, checkUrl, memberPath } from '../protocol/checks.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { fallbackChain, type ChainLink } from './fallback-chain.ts';
import { requestUrl } from './request-url.ts';
import { StepType, type StepNode } from './step-node.ts';
import { checkFallback, checkKey, checkValues } from './validate-values.ts';
import { wayBack } from './way-back.ts';

export interface ValidationOptions {
  readonly continueAt?: string;
  readonly canSeal: boolean;
}

/** One walk over a tree: what it has found, and how many steps it may still visit. */
interface Walk {
  readonly problems: Problem[];
  readonly options: ValidationOptions;
  left: number;
}

interface Place {
  readonly path: string;
  /** From 1. All fallbacks of a step share the level below it, however long their list is. */
  readonly level: number;
}

/** Everything that is wrong with a step tree, each with its path; empty when it compiles. */
export function validateStep(root: StepNode, options: ValidationOptions): readonly Problem[] {
  const walk: Walk = { problems: [], options, left: LIMITS.treeSteps };
  if (options.continueAt !== undefined) {
    walk.problems.push(...checkUrl(options.continueAt, 'client.continueAt'));
  }
  if (takeStep(walk)) visit(root, { path: '', level: 1 }, walk);
  return walk.problems;
}

function visit(step: StepNode, place: Place, walk: Walk): void {
  const type = step.type === StepType.FRUGAL ? StepType.FRUGAL : StepType.PERFORMANCE;
  const chain = fallbackChain(step, type, place.path, () => takeStep(walk));
  checkOwn(step, type, place.path, walk);
  walk.problems.push(...checkKey(step, type, place.path));
  for (const { fallback, step: way, type: wayType, path } of chain) {
    checkOwn(way, wayType, path, walk);
    walk.problems.push(...checkFallback(fallback, path));
  }
  checkWayBack(step, type, place.path, chain, walk);
  visitChildren(step, place, walk);
  const [first] = chain;
  if (first === undefined || !checkLevel(first.path, place.level + 1, walk)) return;
  for (const { step: way, path } of chain)
    visitChildren(way, { path, level: place.level + 1 }, walk);
}

function visitChildren({ onSuccess, onFailure }: StepNode, place: Place, walk: Walk): void {
  const children = [
    { child: onSuccess, path: memberPath(place.path, 'onSuccess') },
    { child: onFailure, path: memberPath(place.path, 'onFailure') },
  ];
  for (const { child, path } of children) {
    const level = place.level + 1;
    if (child === undefined || !checkLevel(path, level, walk) || !takeStep(walk)) continue;
    visit(child, { path, level }, walk);
  }
}

function checkOwn(step: StepNode, type: StepType, path: string, walk: Walk): void {
  const url = step.url === undefined || step.url === '' ? step.url : requestUrl(step);
  walk.problems.push(
    ...checkUrl(url, memberPath(path, 'url')),
    ...checkMethod(step.method, memberPath(path, 'method')),
    ...checkHeaders(step.headers, memberPath(path, 'headers')),
    ...checkValues(step, type, path),
  );
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
  const hasWay = wayBack(step, walk.options.continueAt ?? null) !== null;
  for (const cut of cuts) {
    if (!hasWay) {
      walk.problems.push({
        path: cut,
        message: 'is FRUGAL and follows a job of the server, which has no way to tell us its end',
        expected: 'webhooks or continueAt(url) on that job, or the client option continueAt',
      });
    } else if (!walk.options.canSeal) {
      walk.problems.push({
        path: cut,
        message: 'is FRUGAL and follows a job of the server, and there is no key to seal it with',
        expected: 'the client option continuationKey or webhookSecret',
      });
    }
  }
}

function cutsOf({ onSuccess, onFailure }: StepNode, path: string): readonly string[] {
  return [
    ...(onSuccess?.type === StepType.FRUGAL ? [memberPath(path, 'onSuccess')] : []),
    ...(onFailure?.type === StepType.FRUGAL ? [memberPath(path, 'onFailure')] : []),
  ];
}

/** Counts a step each time it stands in the tree: a shared one costs as often as it is used. */
function takeStep(walk: Walk): boolean {
  walk.left -= 1;
  if (walk.left === -1) {
    walk.problems.push({
      path: '',
      message: `has more than ${LIMITS.treeSteps} steps, counting a shared one each time it is used`,
      expected: `at most ${LIMITS.treeSteps} steps`,
    });
  }
  return walk.left >= 0;
}

function checkLevel(path: string, level: number, walk: Walk): boolean {
  if (level <= LIMITS.treeDepth) return true;
  const expected = `at most ${LIMITS.treeDepth} levels of steps`;
  walk.problems.push({ path, message: 'is nested too deeply', expected });
  return false;
}
