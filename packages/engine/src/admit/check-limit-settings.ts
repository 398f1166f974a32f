import {
  LIMIT_BOUNDS,
  type LimitKey,
  type LimitSettingsRequest,
  type Problem,
} from '@ezthrottle/core/protocol';
import { mergeProblems } from './merge-problems.ts';
import { parseJsonPath } from '../pace/json-path.ts';
import { DEFAULT_PERIOD_MS, isAdaptive, perSecond } from '../pace/limit-settings.ts';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What the fields of a limit say against each other; each alone fits the schema. */
export function checkLimitSettings(
  kind: LimitKey['kind'],
  said: LimitSettingsRequest,
): readonly Problem[] {
  if (kind === 'api_key') return checkWeight(said);
  return [
    ...checkNoWeight(said),
    ...checkSaid(kind, said),
    ...checkRate(said),
    ...checkAdaptive(kind, said),
    ...checkSettling(kind, said),
  ];
}

/** What cannot be told of other fields while one does not fit the schema. */
const DEPENDENT: Readonly<Partial<Record<string, readonly string[]>>> = {
  rate: ['burst', 'floor', 'ceiling'],
  per_ms: ['rate', 'floor', 'ceiling'],
  adaptive: ['floor', 'ceiling'],
  concurrency: ['rate'],
  paused: ['rate'],
  paused_until: ['rate'],
};

/**
 * The same of settings of which some fields do not fit the schema; with what is wrong with those.
 *
 * @param fitting The others.
 * @param unfit What the schema says.
 */
export function checkPartOfLimit(
  kind: LimitKey['kind'],
  fitting: LimitSettingsRequest,
  unfit: readonly Problem[],
): readonly Problem[] {
  const untold = new Set(unfit.flatMap(({ path }) => DEPENDENT[path] ?? []));
  const rules = checkLimitSettings(kind, fitting).filter(({ path }) => !untold.has(path));
  return mergeProblems(unfit, rules);
}

/** How fast an API key may be is said by its accounts and destinations. */
function checkWeight({ weight, ...others }: LimitSettingsRequest): Problem[] {
  const problems = Object.entries(others)
    .filter(([, value]) => value !== undefined)
    .map(([path]) => ({ path, message: 'is not said of an API key', expected: 'a weight alone' }));
  return weight === undefined ? [...problems, missing('weight', 'a weight')] : problems;
}

function checkNoWeight({ weight }: LimitSettingsRequest): Problem[] {
  if (weight === undefined) return [];
  const expected = 'the limit of an API key: api-key: and its id';
  return [{ path: 'weight', message: 'is said of an API key only', expected }];
}

function checkSaid(kind: LimitKey['kind'], said: LimitSettingsRequest): Problem[] {
  const { rate, concurrency, paused, paused_until: pausedUntil } = said;
  if (rate !== undefined) return [];
  if (concurrency !== undefined) {
    if (kind !== 'destination') return [];
    return [missing('rate', 'a rate beside the concurrency of a destination')];
  }
  // Also one that is paused no more: it was for the pause, and is kept for the next.
  if (paused !== undefined || pausedUntil !== undefined) return [];
  return [missing('rate', 'a rate, a concurrency or a pause')];
}

function checkRate(said: LimitSettingsRequest): Problem[] {
  const { rate, per_ms: periodMs = DEFAULT_PERIOD_MS, floor, ceiling } = said;
  if (rate === undefined) {
    const names = ['burst', 'floor', 'ceiling'] as const;
    return names
      .filter((name) => said[name] !== undefined)
      .map((path) => ({ path, message: 'is given without a rate', expected: 'a rate beside it' }));
  }
  const problems: Problem[] = [];
  const most = LIMIT_BOUNDS.rate;
  const slowest = LIMIT_BOUNDS.periodMs / 1_000;
  const rates = { rate, floor, ceiling };
  for (const [path, value] of Object.entries(rates)) {
    if (value === undefined) continue;
    const each = perSecond(value, periodMs);
    if (each > most) {
      problems.push({ path, message: 'is too fast', expected: `at most ${most} a second` });
    }
    if (each * slowest < 1) {
      problems.push({ path, message: 'is too slow', expected: 'at least one a day' });
    }
  }
  if (floor !== undefined && floor > rate) {
    problems.push({ path: 'floor', message: 'is above the rate', expected: `at most ${rate}` });
  }
  if (ceiling !== undefined && ceiling < rate) {
    problems.push({ path: 'ceiling', message: 'is below the rate', expected: `at least ${rate}` });
  }
  return problems;
}

function checkAdaptive(kind: LimitKey['kind'], said: LimitSettingsRequest): Problem[] {
  if (said.adaptive ?? isAdaptive(kind)) return [];
  const names = ['floor', 'ceiling'] as const;
  return names
    .filter((name) => said[name] !== undefined)
    .map((path) => ({
      path,
      message: 'is for a rate that answers move',
      expected: 'adaptive: true beside it, or nothing',
    }));
}

function checkSettling(kind: LimitKey['kind'], said: LimitSettingsRequest): Problem[] {
  const { settle_header: header, settle_path: path } = said;
  const problems: Problem[] = [];
  if (header !== undefined && !HEADER_NAME.test(header)) {
    problems.push({
      path: 'settle_header',
      message: 'is not the name of a header',
      expected: 'a name such as X-Cost',
    });
  }
  if (path !== undefined && parseJsonPath(path) === null) {
    problems.push({
      path: 'settle_path',
      message: 'is not a path to one value',
      expected: 'a path such as $.usage.total_tokens or $.items[0].cost',
    });
  }
  if (header !== undefined && path !== undefined) {
    problems.push({
      path: 'settle_path',
      message: 'is given beside settle_header',
      expected: 'one of them',
    });
  }
  if (kind === 'custom') return problems;
  const names = ['settle_header', 'settle_path'] as const;
  return names
    .filter((name) => said[name] !== undefined)
    .map((name) => ({
      path: name,
      message: 'is not known of this kind of limit: a call always costs one there',
      expected: 'a limit with a name of its own',
    }));
}

function missing(path: string, expected: string): Problem {
  return { path, message: 'is missing', expected };
}
