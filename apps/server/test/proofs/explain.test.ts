import { expect, test } from 'vitest';
import { foretoldJobs, shareForetold } from './foretold-starts.ts';

test('95 in 100 jobs start within a tenth of the foretold wait, or one interval, when nothing else comes', async () => {
  const jobs = await foretoldJobs({ worlds: 5, jobs: 200, seed: 11 });
  expect(jobs.length).toBeGreaterThan(400);
  expect(shareForetold(jobs)).toBeGreaterThanOrEqual(0.95);
}, 120_000);
