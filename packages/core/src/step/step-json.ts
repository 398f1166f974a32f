import { memberPath } from '../protocol/checks.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { StepValidationError } from '../errors.ts';
import { isObject } from '../http/json.ts';
import { checkJson as checkJsonValue } from './json-checks.ts';
import { freezeDeep, type StepNode } from './step-node.ts';
import { checkFallback, checkStep } from './step-rules.ts';
import { admitLevel, TreeBounds } from './tree-bounds.ts';

/**
 * A step's node out of JSON from anywhere. Names, types, depth and number are checked here, values by
 * `execute()`. Throws `StepValidationError` with everything that is wrong.
 */
export function nodeFromJson(json: unknown): StepNode {
  checkJson(json);
  try {
    const copy: StepNode = JSON.parse(JSON.stringify(json));
    return freezeDeep(copy);
  } catch {
    throw new StepValidationError(checkJsonValue(json, ''));
  }
}

/** The node itself, once it is sure that it can be read back and does not grow without bound. */
export function nodeToJson(node: StepNode): StepNode {
  checkJson(node);
  return node;
}

function checkJson(root: unknown): void {
  const problems: Problem[] = [];
  const check = { problems, step: {}, runs: null };
  const bounds = new TreeBounds(problems);
  const visit = (json: unknown, path: string, level: number): void => {
    if (!bounds.admitStep() || !admitLevel(level, path, problems)) return;
    checkStep(json, path, check);
    if (!isObject(json)) return;
    const { onSuccess, onFailure, fallbacks, ...fields } = json;
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) problems.push(...checkJsonValue(value, memberPath(path, name)));
    }
    if (onSuccess !== undefined) visit(onSuccess, memberPath(path, 'onSuccess'), level + 1);
    if (onFailure !== undefined) visit(onFailure, memberPath(path, 'onFailure'), level + 1);
    if (!Array.isArray(fallbacks)) return;
    for (const [index, fallback] of fallbacks.entries()) {
      const place = `${memberPath(path, 'fallback')}[${index}]`;
      checkFallback(fallback, place, check);
      if (isObject(fallback)) visit(fallback.step, place, level + 1);
    }
  };
  visit(root, '', 1);
  if (problems.length > 0) throw new StepValidationError(problems);
}
