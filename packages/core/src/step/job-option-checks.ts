import { memberPath } from '../protocol/checks.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Problem } from '../protocol/wire-error.ts';
import { isObject } from '../http/json.ts';
import { checkWritable, isNull } from './json-checks.ts';

const NESTED = /^(fallback(_j|J)ob|on(_s|S)uccess|on(_f|F)ailure)$/;

/**
 * What keeps a job from being sent as it was meant: fields that are null, values that JSON does not have,
 * a trigger that would be taken for none, jobs without end. All else is the server's to judge.
 */
export function checkJobOptions(root: unknown): readonly Problem[] {
  const problems: Problem[] = [];
  const jobs = [{ job: root, path: '' }];
  for (const { job, path } of jobs) {
    if (jobs.length > LIMITS.treeSteps) {
      const expected = `at most ${LIMITS.treeSteps} jobs in one`;
      return [...problems, { path: '', message: 'has too many jobs inside', expected }];
    }
    if (!isObject(job)) {
      problems.push(notAnObject(job, path));
      continue;
    }
    for (const [name, value] of Object.entries(job)) {
      const place = memberPath(path, name);
      if (value === undefined) continue;
      if (NESTED.test(name)) jobs.push({ job: value, path: place });
      else problems.push(...checkField(name, value, place));
    }
  }
  return problems;
}

function checkField(name: string, value: unknown, path: string): readonly Problem[] {
  const problems = checkWritable(name, value, path);
  return name !== 'trigger' || problems.length > 0 ? problems : checkTrigger(value, path);
}

function checkTrigger(trigger: unknown, path: string): readonly Problem[] {
  if (!isObject(trigger)) return [notAnObject(trigger, path)];
  const names = Object.keys(trigger);
  if (names.length === 0 || names.some((name) => /^(type|codes|timeout(_m|M)s)$/.test(name))) {
    return [];
  }
  return [{ path, message: 'has no condition', expected: 'codes or timeoutMs' }];
}

function notAnObject(value: unknown, path: string): Problem {
  return value === null
    ? isNull(path)
    : { path, message: 'has the wrong type', expected: 'an object' };
}
