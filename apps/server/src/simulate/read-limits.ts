import { readFileSync } from 'node:fs';
import { checkLimitKey, parseLimitKey, type LimitSettingsRequest } from '@ezthrottle/core/protocol';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import { checkLimit } from '../limits/limit-data.ts';
import type { LimitOverrides } from './replay.ts';

const EXPECTED = 'JSON such as {"limits": {"openai-rpm": {"rate": 50, "per_ms": 60000}}}';

/**
 * Other limits for a replay, by key as in `PUT /api/v1/limits/<key>`; null takes one away.
 *
 * @throws ConfigError with everything that is wrong.
 */
export function readLimits(file: string): LimitOverrides {
  const limits = limitsIn(file);
  const problems: ConfigProblem[] = [];
  const read = new Map<string, LimitSettingsRequest | null>();
  for (const [name, value] of Object.entries(limits)) {
    const key = parseLimitKey(name);
    const where = `${file}: limits.${name}`;
    if (key === null) {
      problems.push(
        ...checkLimitKey(name).map(({ message, expected }) => problem(where, message, expected)),
      );
      continue;
    }
    if (value === null) {
      read.set(key.key, null);
      continue;
    }
    const checked = checkLimit(key.kind, value);
    const found = checked.ok ? [] : checked.problems;
    problems.push(
      ...found.map(({ path, message, expected }) => problem(`${where}.${path}`, message, expected)),
    );
    if (checked.ok) read.set(key.key, checked.value);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return read;
}

function limitsIn(file: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new ConfigError([problem(file, 'cannot be read as JSON', EXPECTED)]);
  }
  const limits =
    typeof content === 'object' && content !== null && 'limits' in content ? content.limits : null;
  if (typeof limits !== 'object' || limits === null || Array.isArray(limits)) {
    throw new ConfigError([problem(file, 'says nothing of limits', EXPECTED)]);
  }
  return Object.fromEntries(Object.entries(limits));
}

function problem(where: string, message: string, expected: string | undefined): ConfigProblem {
  return { where, message, expected: expected ?? EXPECTED };
}
