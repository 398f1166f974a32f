import { heldKeyVerdict, type Verdict } from '@ezthrottle/engine';
import type { ActiveJobs } from './active-jobs.ts';
import type { Intake } from './intake.ts';
import type { AdmittedJob } from './job-gate.ts';

/**
 * Times that a replacement is tried on jobs that move on meanwhile. Of several nodes that replace at one time one
 * gets through at each try, so that with a few nodes this many are never needed.
 */
const TRIES = 50;

export interface ReplacementsOptions {
  readonly intake: Pick<Intake, 'submit' | 'replace'>;
  readonly active: Pick<ActiveJobs, 'with'>;
}

/** Takes jobs in the place of those that hold their keys. */
export class Replacements {
  readonly #options: ReplacementsOptions;
  /** The last one of each key that is under way here: those of one key come one after the other. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(options: ReplacementsOptions) {
    this.#options = options;
  }

  /**
   * Takes a job, in the place of the one that holds its key if it asks for that. Answered with the
   * duplicate as it is when the first job may not be replaced (any more).
   */
  submit(job: AdmittedJob): Promise<Verdict> {
    if (job.spec.onConflict !== 'replace') return this.#options.intake.submit(job);
    const { scope, key } = job.idempotency;
    const name = JSON.stringify([job.organization, scope, key]);
    const before = this.#last.get(name);
    // The first one waits for nobody: what its line has room for is settled in this very turn.
    const done = before === undefined ? this.#replace(job) : before.then(() => this.#replace(job));
    const over = done
      .catch(() => undefined)
      .then(() => {
        if (this.#last.get(name) === over) this.#last.delete(name);
      });
    this.#last.set(name, over);
    return done;
  }

  async #replace(job: AdmittedJob): Promise<Verdict> {
    const { intake, active } = this.#options;
    let verdict = await intake.submit(job);
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
}
