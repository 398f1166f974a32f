import { heldKeyVerdict, type Verdict } from '@ezthrottle/engine';
import type { ActiveJobs } from './active-jobs.ts';
import type { Intake } from './intake.ts';
import type { AdmittedJob } from './job-gate.ts';

/** Times that a replacement is tried on jobs that move on meanwhile. */
const TRIES = 3;

/**
 * Takes a job, in the place of the one that holds its key if it asks for that. Answered with the
 * duplicate as it is when the first job may not be replaced (any more).
 */
export async function submitReplacing(
  job: AdmittedJob,
  { intake, active }: { readonly intake: Intake; readonly active: ActiveJobs },
): Promise<Verdict> {
  let verdict = await intake.submit(job);
  if (job.spec.onConflict !== 'replace') return verdict;
  for (let tries = 0; tries < TRIES && verdict.verdict === 'duplicate'; tries += 1) {
    const held = heldKeyVerdict(job.spec, verdict);
    if (held.verdict !== 'replace') break;
    const replaced = await active.with(held.jobId, async (holder) =>
      holder === null ? null : await intake.replace(holder, job),
    );
    if (replaced !== null && replaced.verdict !== 'stale' && replaced.verdict !== 'gone') {
      return replaced;
    }
    // It has moved meanwhile: whoever holds the key now is asked for again.
    verdict = await intake.submit(job);
  }
  return verdict;
}
