import type { ReplaceOperation, Verdict } from '@ezthrottle/engine';
import { advanceJobs } from './advance-writes.ts';
import { Columns } from './columns.ts';
import { InterferenceError } from './interference.ts';
import { KEY_SHAPE, JobRows, namesOf } from './job-rows.ts';
import { keyHolders } from './key-holders.ts';
import { requestOf, RETIRE_KEYS, submitJobs } from './submit-writes.ts';
import type { WriteScope } from './write-scope.ts';

const END_WINDOW = 'UPDATE {ended} SET expires_at = ended_at WHERE job = $1';

/** Takes a job in under a key that another one holds, and gives up now. */
export async function replaceJob(
  scope: WriteScope,
  { job, ending }: ReplaceOperation,
): Promise<Verdict> {
  const { transaction, interned } = scope;
  await interned.prepare([namesOf(job)]);
  const request = requestOf(scope, job);
  // Before anything is written: whether it can be.
  new JobRows().add(0, job, interned);
  const [holder] = await keyHolders(transaction, [request]);
  if (holder?.held?.jobId !== ending.jobId) return { verdict: 'stale' };
  const [ended = { verdict: 'gone' }] = await advanceJobs(scope, [ending]);
  if (ended.verdict !== 'ok') return ended;
  const key = new Columns(KEY_SHAPE);
  key.add({ ...request.key, job: holder.job });
  await transaction.run(END_WINDOW, [holder.job]);
  await transaction.run(RETIRE_KEYS, key.values());
  const [taken] = await submitJobs(scope, [job], new Set());
  // Somebody else was quicker with the key.
  if (taken?.verdict !== 'ok') throw new InterferenceError('a key was taken meanwhile');
  return { verdict: 'ok', replaced: ending.jobId };
}
