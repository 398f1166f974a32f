import { describe, expect, test } from 'vitest';
import { checkJobShape } from './job-shape.ts';

const url = 'https://api.example.com';

/** A job with so many fallbacks, nested as the wire nests them. */
function withFallbacks(count: number, last: object = {}): object {
  let job: object = { url, ...last };
  for (let made = 0; made < count; made += 1) job = { url, fallback_job: job };
  return job;
}

describe('the shape of a tree of jobs', () => {
  test('a list of a thousand fallbacks is read as easily as a short one', () => {
    expect(checkJobShape(withFallbacks(999)).ok).toBe(true);
  });

  test('what is wrong is found at any depth, with its path', () => {
    const shape = checkJobShape({
      url: 5,
      on_success: { url, fallback_job: { url, trigger: { codes: 'all' }, on_failure: 'text' } },
      fallback_job: withFallbacks(2, { tags: [1] }),
    });
    expect(shape.ok ? [] : shape.problems.map(({ path }) => path).toSorted()).toEqual([
      'fallback_job.fallback_job.fallback_job.tags[0]',
      'on_success.fallback_job.on_failure',
      'on_success.fallback_job.trigger.codes',
      'url',
    ]);
  });
});
