import type { Problem, WarningView } from '@ezthrottle/core/protocol';
import { memberPath } from '@ezthrottle/core/protocol';
import type { Spellings } from './job-fields.ts';
import {
  JOB_EDGES_TO_STACK,
  JOB_SPELLINGS,
  LIMIT_SPELLINGS,
  RETRY_POLICY_SPELLINGS,
  SILENT_FIELDS,
  TRIGGER_SPELLINGS,
  WEBHOOK_SPELLINGS,
} from './job-fields.ts';
import { isJsonList, isJsonObject, type JsonObject } from './json-object.ts';
import {
  placeUnder,
  ROOT_PLACE,
  TreeBounds,
  type TreeLimits,
  type TreePlace,
} from './tree-bounds.ts';
import { WarningList } from './warning-list.ts';

/** A job in its canonical spelling, still unchecked, and what was noticed on the way. */
export interface NormalisedJob {
  readonly value: unknown;
  /** Fields that were left out, each with its path. */
  readonly warnings: readonly WarningView[];
  /** Only what makes the tree too large to look at as a whole. */
  readonly problems: readonly Problem[];
}

interface Pending {
  readonly source: JsonObject;
  readonly place: TreePlace;
  /** Puts the canonical job where its parent has it. */
  readonly attach: (target: Record<string, unknown>) => void;
}

/**
 * Understands a job as any client spells it: snake_case or camelCase at every depth, snake_case where
 * both are given. Fields it does not know are left out and named. Keys inside `headers` and `metadata`
 * and the text of `body` are the user's and pass untouched; `null` counts as absent.
 *
 * The input is not changed. Runs in time linear in its size and in constant stack, however deep it is.
 *
 * @param limits Default `LIMITS`.
 */
export function normaliseJob(input: unknown, limits?: TreeLimits): NormalisedJob {
  if (!isJsonObject(input)) {
    const problem = { path: '', message: 'is not an object', expected: 'a job as a JSON object' };
    return { value: input, warnings: [], problems: [problem] };
  }
  const warnings = new WarningList();
  const bounds = new TreeBounds(limits);
  let root: Record<string, unknown> = {};
  const pending: Pending[] = [
    {
      source: input,
      place: ROOT_PLACE,
      attach: (target) => {
        root = target;
      },
    },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!bounds.enter(next.place)) continue;
    const target = normaliseOne(next.source, next.place, warnings);
    next.attach(target);
    for (const edge of JOB_EDGES_TO_STACK) {
      const source = target[edge];
      if (!isJsonObject(source)) continue;
      delete target[edge];
      const attach = (child: Record<string, unknown>): void => {
        target[edge] = child;
      };
      pending.push({ source, place: placeUnder(next.place, edge), attach });
    }
  }
  return { value: root, warnings: warnings.all, problems: bounds.problems };
}

function normaliseOne(
  source: JsonObject,
  { path, isFallback }: TreePlace,
  warnings: WarningList,
): Record<string, unknown> {
  const target = known(source, JOB_SPELLINGS, path, warnings);
  if (!isFallback && Object.hasOwn(target, 'trigger')) {
    delete target['trigger'];
    warnings.add(memberPath(path, 'trigger'), 'is used only inside fallback_job');
  }
  const { webhooks, retry_policy: retryPolicy, trigger, limits } = target;
  if (isJsonObject(retryPolicy)) {
    const at = memberPath(path, 'retry_policy');
    target['retry_policy'] = known(retryPolicy, RETRY_POLICY_SPELLINGS, at, warnings);
  }
  if (isJsonObject(trigger)) {
    const at = memberPath(path, 'trigger');
    target['trigger'] = known(trigger, TRIGGER_SPELLINGS, at, warnings);
  }
  if (isJsonList(webhooks)) {
    const at = memberPath(path, 'webhooks');
    target['webhooks'] = knownAll(webhooks, WEBHOOK_SPELLINGS, at, warnings);
  }
  if (isJsonList(limits)) {
    const full = limits.map((limit) => (typeof limit === 'string' ? { key: limit } : limit));
    target['limits'] = knownAll(full, LIMIT_SPELLINGS, memberPath(path, 'limits'), warnings);
  }
  return target;
}

function knownAll(
  sources: readonly unknown[],
  spellings: Spellings,
  path: string,
  warnings: WarningList,
): readonly unknown[] {
  return sources.map((source, index) =>
    isJsonObject(source) ? known(source, spellings, `${path}[${index}]`, warnings) : source,
  );
}

function known(
  source: JsonObject,
  spellings: Spellings,
  path: string,
  warnings: WarningList,
): Record<string, unknown> {
  const target: Record<string, unknown> = {};
  for (const key of Object.keys(source)) {
    const value = source[key];
    if (value === undefined || value === null) continue;
    const name = spellings.get(key);
    if (name === undefined) {
      if (!SILENT_FIELDS.has(key))
        warnings.add(memberPath(path, key), 'is not known and was left out');
    } else if (key !== name && isGiven(source[name])) {
      warnings.add(memberPath(path, key), `was left out: ${name} is given too and wins`);
    } else {
      target[name] = value;
    }
  }
  return target;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
