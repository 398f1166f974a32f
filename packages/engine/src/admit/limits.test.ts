import type { JobRequest } from '@ezthrottle/core/protocol';
import { describe, expect, it } from 'vitest';
import { checkJob } from './check-job.ts';
import { checkLimitCosts } from './check-limit-costs.ts';
import { normaliseJob } from './normalise-job.ts';
import { toJobSpec } from './to-job-spec.ts';

const url = 'https://api.example.com';

describe('limits that a job names', () => {
  it('may be written as names alone, in either spelling', () => {
    const { value, warnings } = normaliseJob({
      url,
      limits: ['openai-rpm', { key: 'openai-tpm', cost: 900, settlePath: '$.usage.total_tokens' }],
      fallbackJob: { url, limits: [{ key: 'x', settleHeader: 'X-Cost', colour: 1 }, 7] },
    });
    expect(value).toEqual({
      url,
      limits: [
        { key: 'openai-rpm' },
        { key: 'openai-tpm', cost: 900, settle_path: '$.usage.total_tokens' },
      ],
      fallback_job: { url, limits: [{ key: 'x', settle_header: 'X-Cost' }, 7] },
    });
    expect(warnings.map(({ path }) => path)).toEqual(['fallback_job.limits[0].colour']);
  });

  it('cost one where nothing is said', () => {
    const { paths } = toJobSpec({
      url,
      limits: [{ key: 'a' }, { key: 'b', cost: 5, settle_header: 'X-Cost' }],
    });
    expect(paths[0].limits).toEqual([
      { key: 'a', cost: 1 },
      { key: 'b', cost: 5, settleHeader: 'x-cost' },
    ]);
  });

  it('are named once each, and settled by one thing that can be found', () => {
    const limits = [
      { key: 'a', settle_header: 'no header' },
      { key: 'a', settle_path: '$..tokens' },
      { key: 'b\n', settle_header: 'X', settle_path: '$.a' },
    ];
    expect(checkJob({ url, limits }).problems.map(({ path }) => path)).toEqual([
      'limits[0].settle_header',
      'limits[1].key',
      'limits[1].settle_path',
      'limits[2].key',
      'limits[2].settle_path',
    ]);
  });

  it('must exist and be able to give the cost, wherever in the tree they are named', () => {
    const limits = (key: string, cost: number): Pick<JobRequest, 'limits'> => ({
      limits: [{ key, cost }],
    });
    const spec = toJobSpec({
      url,
      ...limits('small', 10),
      fallback_job: { url, ...limits('small', 11), on_failure: { url, ...limits('none', 1) } },
      on_success: { url, fallback_job: { url, ...limits('small', 12) } },
    });
    const problems = checkLimitCosts(spec, (name) => (name === 'small' ? { burst: 10 } : null));
    expect(problems.map(({ path }) => path).toSorted()).toEqual([
      'fallback_job.limits[0].cost',
      'fallback_job.on_failure.limits[0].key',
      'on_success.fallback_job.limits[0].cost',
    ]);
  });
});

describe('a second call beside a slow one', () => {
  it('has one moment, and a job in which it can stand in for the first', () => {
    expect(checkJob({ url, hedge_after_ms: 50, hedge_percentile: 95 }).problems).toHaveLength(1);
    expect(checkJob({ url, hedge_budget_percent: 5 }).problems).toHaveLength(1);
    const fanout = { url, hedge_after_ms: 50, execution_mode: 'fanout' };
    expect(checkJob(fanout).problems.map(({ path }) => path)).toEqual(['hedge_after_ms']);
    expect(checkJob({ url, hedge_percentile: 95, hedge_budget_percent: 5 }).problems).toEqual([]);
  });

  it('is bounded to a tenth of all calls where nothing is said', () => {
    expect(toJobSpec({ url, hedge_after_ms: 50 }).paths[0].hedge).toEqual({
      kind: 'after',
      afterMs: 50,
      budgetPercent: 10,
    });
    expect(toJobSpec({ url }).paths[0]).not.toHaveProperty('hedge');
  });
});
