import { DEFAULTS } from '../protocol/limits.ts';
import { isObject } from '../http/json.ts';
import {
  DEFAULT_FORWARD_CODES,
  StepType,
  type StepFallback,
  type StepNode,
} from '../step/step-node.ts';

/** One step of a tree, in words, and what hangs below it. */
export interface Outline {
  /** For example `POST https://api.example.com/orders`. */
  readonly call: string;
  readonly description: string | null;
  /** Where it runs, for example `on the server`. */
  readonly place: string;
  readonly branches: readonly Branch[];
}

export interface Branch {
  /** For example `on success` or `fallback on 500, 502`. */
  readonly edge: string;
  readonly outline: Outline;
}

/** A tree of steps by the rules of the compiler; nothing is checked. */
export function outlineOf(step: StepNode): Outline {
  return step.type === StepType.FRUGAL
    ? outline(step, true, true, `here, ${forwarding(step)}`)
    : outline(step, false, false, 'on the server');
}

/**
 * @param isHere Whether the step itself is called by this process.
 * @param isChainHere Whether the step that it is a fallback of, or else itself, is FRUGAL: fallbacks of
 *   any other step are the server's, whatever their type.
 */
function outline(step: StepNode, isHere: boolean, isChainHere: boolean, place: string): Outline {
  return {
    call: callOf(step),
    description: step.description ?? null,
    place,
    branches: [
      ...(step.fallbacks ?? [])
        .filter((fallback) => isObject(fallback.step))
        .map((fallback) => fallbackBranch(fallback, isHere, isChainHere)),
      ...childBranch('on success', step.onSuccess, isHere),
      ...childBranch(failureEdge(step), step.onFailure, isHere),
    ],
  };
}

function fallbackBranch(
  fallback: StepFallback,
  isParentHere: boolean,
  isChainHere: boolean,
): Branch {
  const { step } = fallback;
  const wantsHere = step.type === undefined ? isParentHere : step.type === StepType.FRUGAL;
  const isHere = isChainHere && wantsHere;
  const onServer = isChainHere ? 'on the server, once the step is handed on' : 'on the server';
  return {
    edge: fallbackEdge(fallback),
    outline: outline(step, isHere, isChainHere, isHere ? 'here' : onServer),
  };
}

function childBranch(edge: string, step: StepNode | undefined, isParentHere: boolean): Branch[] {
  if (!isObject(step)) return [];
  if (step.type === StepType.FRUGAL) {
    const when = isParentHere ? '' : ', when the delivery of the job arrives';
    return [{ edge, outline: outline(step, true, true, `here${when}, ${forwarding(step)}`) }];
  }
  const when = isParentHere ? 'submitted then' : 'in the same submit';
  return [{ edge, outline: outline(step, false, false, `on the server, ${when}`) }];
}

function forwarding(step: StepNode): string {
  const codes = step.fallbackOnError ?? DEFAULT_FORWARD_CODES;
  const seconds = (step.timeout ?? DEFAULTS.attemptTimeoutMs) / 1_000;
  return `handed on after ${[...[codes].flat(), 'or no answer'].join(', ')} within ${seconds} s`;
}

function fallbackEdge({ triggerOnError, triggerOnTimeout }: StepFallback): string {
  if (triggerOnTimeout !== undefined) return `fallback after ${triggerOnTimeout} ms`;
  if (triggerOnError !== undefined) return `fallback on ${[triggerOnError].flat().join(', ')}`;
  return 'fallback on any failure';
}

function failureEdge({ onFailureTimeout }: StepNode): string {
  return onFailureTimeout === undefined
    ? 'on failure'
    : `on failure, or after ${onFailureTimeout} ms`;
}

/** Without user, query and fragment: they may hold secrets. */
function callOf({ url, method = 'GET', query }: StepNode): string {
  if (url === undefined) return `${method} (no address yet)`;
  if (!URL.canParse(url)) return `${method} (not an address)`;
  const { origin, pathname, search } = new URL(url);
  const hasQuery = search !== '' || (query !== undefined && query.length > 0);
  return `${method} ${origin}${pathname}${hasQuery ? '?…' : ''}`;
}
