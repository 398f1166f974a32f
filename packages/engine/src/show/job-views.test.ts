import { CONTINUATION_METADATA_KEY } from '@ezthrottle/core/protocol';
import { expect, test } from 'vitest';
import { noJobs } from '../job/job-counts.ts';
import { toJobSpec } from '../admit/to-job-spec.ts';
import type { JobRecord } from '../ports/records.ts';
import type { JobReads } from '../ports/reads/job-reads.ts';
import { readJobView } from './job-views.ts';

const nothing: JobReads = {
  get: async () => null,
  live: async () => [],
  holder: async () => null,
  list: async () => [],
  attempts: async () => [],
  responses: async () => [],
  deliveries: async () => [],
  children: async () => [],
  liveByAccount: async () => [],
  counts: async () => noJobs(),
};

test('whoever may read a job does not see its continuation, with which another could be planted', async () => {
  const metadata = { order: 7, [CONTINUATION_METADATA_KEY]: 'v1.key.sealed' };
  const job: JobRecord = {
    id: '019a0000-0000-7000-8000-000000000001',
    organization: '019a0000-0000-7000-8000-000000000002',
    idempotentKey: 'key',
    spec: toJobSpec({ url: 'https://api.example.com', metadata }),
    state: 'pending',
    createdAt: 0,
    startedAt: null,
    end: null,
    parent: null,
    quorumReachedAt: null,
  };
  const view = await readJobView(job, nothing);
  expect(view.metadata).toEqual({ order: 7 });
});
