import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Connection, openConnection } from '../src/store/sqlite/connection.ts';
import { DUE_DELIVERIES, NEXT_DELIVERY } from '../src/store/sqlite/delivery-reads.ts';
import { LIST_BY_KEY, LIST_BY_STATE, LIST_BY_TAG } from '../src/store/sqlite/job-list.ts';
import { LIST_AUDIT } from '../src/store/sqlite/audit-reads.ts';
import { DEAD_DELIVERIES, DEAD_JOBS } from '../src/store/sqlite/dead-letter-reads.ts';
import { LIST_REDRIVES } from '../src/store/sqlite/redrive-reads.ts';
import { LIST_LIMITS } from '../src/store/sqlite/limit-reads.ts';
import { migrate } from '../src/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../src/store/sqlite/migrations.ts';
import { ENDED_STRETCH } from '../src/store/sqlite/privacy-reads.ts';
import { SELECT_PRUNABLE_JOBS } from '../src/store/sqlite/prune-writes.ts';
import { text } from '../src/store/rows/row.ts';
import {
  ARMED,
  DUE,
  LINES,
  NEXT_DUE,
  NEXT_WAKE,
  READY,
  WAKEABLE,
} from '../src/store/sqlite/work-reads.ts';

let connection: Connection;

beforeAll(() => {
  connection = openConnection({ file: ':memory:' });
  migrate(connection, MIGRATIONS, { now: () => 0 });
});

afterAll(() => {
  connection.close();
});

function planOf(sql: string): readonly string[] {
  return connection
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => text(row, 'detail'));
}

const SEARCHES = {
  'ready work of a line': [READY, 'work_ready'],
  'due work': [DUE, 'work_delayed'],
  'jobs with something armed': [ARMED, 'runs_armed'],
  'jobs to wake': [WAKEABLE, 'runs_wakeable'],
  'due deliveries': [DUE_DELIVERIES, 'deliveries_due'],
  'the next delivery': [NEXT_DELIVERY, 'deliveries_due'],
  'jobs by state': [LIST_BY_STATE, 'jobs_listed'],
  'jobs by tag': [LIST_BY_TAG, 'PRIMARY KEY'],
  'limits by key': [LIST_LIMITS, 'PRIMARY KEY'],
  'the audit log': [LIST_AUDIT, 'audit_listed'],
  'dead jobs, the newest first': [DEAD_JOBS.newest, 'jobs_dead'],
  'dead jobs, the oldest first': [DEAD_JOBS.oldest, 'jobs_dead'],
  'dead deliveries, the newest first': [DEAD_DELIVERIES.newest, 'deliveries_dead'],
  'dead deliveries, the oldest first': [DEAD_DELIVERIES.oldest, 'deliveries_dead'],
  'jobs to prune': [SELECT_PRUNABLE_JOBS, 'jobs_ended'],
  'jobs to take something out of': [ENDED_STRETCH, 'jobs_ended'],
} as const;

describe('no read walks the backlog', () => {
  it.each(Object.entries(SEARCHES))('%s: found and ordered by an index', (_name, [sql, index]) => {
    const plan = planOf(sql);
    expect(plan[0]).toMatch(new RegExp(`^SEARCH .*${index}`));
    expect(plan.filter((step) => step.startsWith('USE TEMP B-TREE'))).toEqual([]);
    const scans = plan.filter((step) => step.startsWith('SCAN') && !step.includes('json_each'));
    expect(scans).toEqual([]);
  });

  it.each([
    ['when work is due next', NEXT_DUE, 'work_delayed'],
    ['when a job wakes next', NEXT_WAKE, 'runs_wakeable'],
  ])('%s: one step into an index', (_name, sql, index) => {
    // SQLite says SEARCH for the first entry of an index, SCAN for a walk through it.
    expect(planOf(sql)).toEqual([expect.stringMatching(`^SEARCH .*${index}`)]);
  });

  it('redrives: those of one organization, by an index', () => {
    const plan = planOf(LIST_REDRIVES);
    expect(plan).toContainEqual(expect.stringMatching(/^SEARCH redrives .*redrives_listed/));
    expect(plan.join('\n')).not.toMatch(/TEMP B-TREE|SCAN/);
  });

  it('jobs by key: found by an index, and only those few are sorted', () => {
    const plan = planOf(LIST_BY_KEY);
    expect(plan[0]).toMatch(/^SEARCH idempotency_keys USING .*\(organization=\? AND key_hash=\?\)/);
    expect(plan.filter((step) => /^SCAN (?!json_each)/.test(step))).toEqual([]);
  });

  it('lines: counted within the index, without touching a table of jobs', () => {
    const plan = planOf(LINES);
    expect(plan).toContainEqual(
      expect.stringMatching(/^SCAN work USING COVERING INDEX work_ready/),
    );
    expect(plan.join('\n')).not.toMatch(/TEMP B-TREE|jobs/);
  });
});
