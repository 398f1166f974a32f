import { idempotencyClaim, type JobReads } from '@ezthrottle/engine';
import { accountOf } from '../admission/load-meter.ts';
import { ApiError } from '../api/api-error.ts';
import {
  latestReady,
  type ReadyJob,
  readyJob,
  type SubmitOptions,
  takeJob,
} from '../api/jobs/submit-job.ts';
import { parseJson } from '../api/json-body.ts';
import { sha256 } from '../dispatch/sha256.ts';
import type { Caller } from '../tenancy/api-keys.ts';
import type { InboxOutcome, InboxRow } from './inbox-rows.ts';

export interface AdmitOptions extends SubmitOptions {
  readonly jobs: Pick<JobReads, 'get' | 'holder'>;
  readonly logger: { error(details: object, message: string): void };
}

/** A row that found no room is looked at again after this, then after twice as long each time. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Takes the jobs of rows in by the rules of `POST /api/v1/jobs`, all in one write, and says what became of
 * each. A row that was taken in before, and not removed since, is found to be so.
 */
export async function admitRows(
  options: AdmitOptions,
  rows: readonly InboxRow[],
): Promise<readonly InboxOutcome[]> {
  const items = await latestReady(options, () =>
    rows.map((row) => attempt(() => readRow(options, row))),
  );
  const read = rows.flatMap((row, index) => {
    const ready = items[index];
    return ready === undefined ? [] : [{ row, ready }];
  });
  const room = await roomFor(
    options,
    read.flatMap(({ ready }) => (ready instanceof Error ? [] : [ready])),
  );
  // Nothing is awaited before each is handed over: they share one write.
  return await Promise.all(
    read.map(async ({ row, ready }) => {
      try {
        if (ready instanceof Error) throw ready;
        return room.has(ready) ? await taken(options, row, ready) : postponed(row);
      } catch (error) {
        return await outcomeOf(options, row, error);
      }
    }),
  );
}

function readRow(options: AdmitOptions, row: InboxRow): ReadyJob {
  const ready = readyJob(options, callerOf(row), parseJson(row.job));
  const { spec } = ready.job;
  if (spec.idempotentKey !== null) return { ...ready, job: { ...ready.job, id: row.id } };
  // What is submitted by a transaction comes once, with that: jobs that look alike are several jobs.
  const named = { ...spec, idempotentKey: row.id };
  const idempotency = idempotencyClaim(named, row.organization, {
    sha256,
    windowMs: options.idempotencyWindowMs,
    apiKey: row.apiKey,
  });
  return { ...ready, job: { ...ready.job, id: row.id, spec: named, idempotency } };
}

/** Whoever wrote the row has named a key that may submit: that was looked at then. */
function callerOf({ organization, apiKey }: InboxRow): Caller {
  return {
    organization,
    apiKey,
    keyHash: '',
    dialect: 'ezthrottle',
    scopes: ['submit'],
    expiresAt: null,
  };
}

/** Those for which there is room, the first ones first. */
async function roomFor(
  { admission }: AdmitOptions,
  jobs: readonly ReadyJob[],
): Promise<ReadonlySet<ReadyJob>> {
  const room = await admission.room();
  const taken = new Set<ReadyJob>();
  for (const of of byOrganization(jobs)) {
    const accounts = of.map(({ job }) => accountOf(job));
    if (room.hasFor(accounts)) {
      for (const job of of) taken.add(job);
      continue;
    }
    const fitting: (typeof accounts)[number][] = [];
    for (const [index, job] of of.entries()) {
      const account = accounts[index];
      if (account === undefined || !room.hasFor([...fitting, account])) continue;
      fitting.push(account);
      taken.add(job);
    }
  }
  return taken;
}

function byOrganization(jobs: readonly ReadyJob[]): Iterable<readonly ReadyJob[]> {
  const groups = new Map<string, ReadyJob[]>();
  for (const ready of jobs) {
    const { organization } = ready.job;
    const group = groups.get(organization);
    if (group === undefined) groups.set(organization, [ready]);
    else group.push(ready);
  }
  return groups.values();
}

async function taken(
  options: AdmitOptions,
  { id }: InboxRow,
  ready: ReadyJob,
): Promise<InboxOutcome> {
  const request = { route: 'submit_v1', call: { header: () => null } };
  const { body } = await takeJob(options, ready, null, request);
  return body.job_id === id ? { type: 'taken' } : { type: 'duplicate', of: body.job_id };
}

function postponed(row: InboxRow): InboxOutcome {
  const forMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(row.postponed, 10));
  return { type: 'postponed', forMs };
}

async function outcomeOf(
  options: AdmitOptions,
  row: InboxRow,
  error: unknown,
): Promise<InboxOutcome> {
  if (!(error instanceof ApiError)) {
    // Whatever it is, it must not keep those behind it waiting.
    options.logger.error(
      { event: 'inbox_job_failed', jobId: row.id, err: error },
      'a job of the inbox could not be taken in',
    );
    return postponed(row);
  }
  if (error.code === 'rate_limited' || error.code === 'unavailable') return postponed(row);
  // Its key may be free again by now although the job is there.
  const known = await options.jobs.get(row.organization, row.id);
  if (known !== null) return { type: 'taken' };
  const { code, message, problems } = error;
  return { type: 'refused', code, message, problems };
}

function attempt<Result>(act: () => Result): Result | Error {
  try {
    return act();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
