import { expect, it } from 'vitest';
import { regionWarnings } from './region-warnings.ts';
import { toJobSpec } from './to-job-spec.ts';

const url = 'https://a.example';

it('names every region that the server does not have, wherever a job names it', () => {
  const job = toJobSpec({
    url,
    regions: ['iad', 'xyz'],
    webhooks: [{ url, regions: ['abc'] }],
    on_success: { url, fallback_job: { url, regions: ['q'] } },
    fallback_job: { url, on_failure: { url, regions: ['iad', 'r'] } },
  });
  expect(regionWarnings(job, ['iad']).map(({ path }) => path)).toEqual([
    'webhooks[0].regions[0]',
    'regions[1]',
    'fallback_job.on_failure.regions[1]',
    'on_success.fallback_job.regions[0]',
  ]);
});

it('has nothing to say of a job without regions', () => {
  expect(regionWarnings(toJobSpec({ url }), ['iad'])).toEqual([]);
});
