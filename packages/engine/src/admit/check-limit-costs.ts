import type { Problem } from '@ezthrottle/core/protocol';
import type { JobSpec } from '../job/job-spec.ts';
import { largestCost } from '../pace/pace-state.ts';
import { placedPaths } from './placed-paths.ts';
import type { PaceSettings } from '../pace/pace-settings.ts';

/** A limit of the job's organization by its name; null: there is none. */
export type LimitLookup = (name: string) => Pick<PaceSettings, 'burst'> | null;

/**
 * What makes a job wait for ever at its limits: one that does not exist, or a cost that no amount of
 * waiting saves up. To be answered with 422. Looks at the job, its fallbacks and all jobs that follow.
 */
export function checkLimitCosts(spec: JobSpec, limitOf: LimitLookup): readonly Problem[] {
  const problems: Problem[] = [];
  for (const { path, at } of placedPaths(spec, ({ limits }) => limits !== undefined)) {
    if (path.limits !== undefined) problems.push(...checkPath(path.limits, at('limits'), limitOf));
  }
  return problems;
}

function checkPath(
  limits: NonNullable<JobSpec['paths'][0]['limits']>,
  path: string,
  limitOf: LimitLookup,
): readonly Problem[] {
  return limits.flatMap(({ key, cost }, index): Problem[] => {
    const limit = limitOf(key);
    if (limit === null) {
      return [
        {
          path: `${path}[${index}].key`,
          message: `names ${JSON.stringify(key)}, which is no limit`,
          expected: 'the key of a limit that exists',
        },
      ];
    }
    const most = largestCost(limit);
    if (cost <= most) return [];
    return [
      {
        path: `${path}[${index}].cost`,
        message: `is ${cost}, more than the limit can ever give at once`,
        expected: `at most ${most}, the burst of ${JSON.stringify(key)}`,
      },
    ];
  });
}
