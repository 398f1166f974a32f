import { CONTINUATION_METADATA_KEY, DEFAULTS, type Metadata } from '@ezthrottle/core/protocol';
import { expect, test } from 'vitest';
import { noJobs } from '../job/job-counts.ts';
import { toJobSpec } from '../admit/to-job-spec.ts';
import type { AttemptRecord, JobRecord } from '../ports/records.ts';
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

const ID = '019a0000-0000-7000-8000-000000000001';

function jobRecord(metadata: Metadata = {}): JobRecord {
  return {
    id: ID,
    organization: '019a0000-0000-7000-8000-000000000002',
    idempotentKey: 'key',
    spec: toJobSpec({ url: 'https://api.example.com', metadata }),
    state: 'pending',
    createdAt: 0,
    startedAt: null,
    end: null,
    parent: null,
    quorumReachedAt: null,
    keyWindowMs: 60_000,
  };
}

test('an attempt that was prepared and never made is no part of the history, one that was cut off is', async () => {
  const attempt = (number: number, more: Partial<AttemptRecord>): AttemptRecord => ({
    attempt: number,
    leg: 0,
    path: 0,
    region: 'local',
    url: 'https://api.example.com',
    outcome: 'aborted',
    statusCode: null,
    error: null,
    armedAt: 1,
    startedAt: null,
    endedAt: 2,
    ...more,
  });
  const attempts = [
    attempt(1, {}),
    attempt(2, { startedAt: 2 }),
    attempt(3, { outcome: 'unknown' }),
    attempt(4, { outcome: null, endedAt: null }),
  ];
  const view = await readJobView(jobRecord(), { ...nothing, attempts: async () => attempts });
  expect(view.attempts.map((one) => [one.attempt, one.outcome])).toEqual([
    [2, 'aborted'],
    [3, 'unknown'],
    [4, 'armed'],
  ]);
});

test('a job says until when its key is taken: once it has ended exactly, before at the latest', async () => {
  const live = jobRecord();
  const deadline = DEFAULTS.deadlineMs;
  expect(await readJobView(live, nothing)).toMatchObject({
    idempotency_expires_at: deadline + 60_000,
  });
  const end = { state: 'cancelled', at: 500, error: 'cancelled', path: null } as const;
  const ended = { ...live, end: { ...end, attempt: null, attempts: [], triedPaths: [] } };
  expect(await readJobView({ ...ended, keyWindowMs: 0 }, nothing)).toMatchObject({
    idempotency_expires_at: 500,
  });
});

test('whoever may read a job does not see its continuation, with which another could be planted', async () => {
  const metadata = { order: 7, [CONTINUATION_METADATA_KEY]: 'v1.key.sealed' };
  const view = await readJobView(jobRecord(metadata), nothing);
  expect(view.metadata).toEqual({ order: 7 });
});
