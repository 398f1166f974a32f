import {
  accountLimit,
  type JobEdit,
  type JobState,
  type Problem,
  type RedriveLeftOut,
} from '@ezthrottle/core/protocol';
import {
  checkLimitCosts,
  checkSecrets,
  type AuditRecord,
  type Clock,
  type DeadJob,
  type DeadLetterReads,
  type Id,
  type JobReads,
  type JobRecord,
  type JobSpec,
  redriveClaim,
  redrivenSpec,
  withAccountLimits,
} from '@ezthrottle/engine';
import type { AdmittedJob, JobGate } from '../dispatch/job-gate.ts';
import { sha256 } from '../dispatch/sha256.ts';
import type { SecretVault } from '../secrets/secret-vault.ts';
import type { LimitRules } from '../limits/limit-rules.ts';
import type { AccountDeletions } from '../privacy/account-deletions.ts';

/** A new try of a dead job, as it is asked for. */
export interface JobReplay {
  readonly edit: JobEdit;
  /** Tells a further new try from the first one; null: the first, of which there is one. */
  readonly again: string | null;
  /** The redrive that sends it. */
  readonly redrive: Id | null;
  /** Goes into the audit log in the same write; null: the redrive is there already. */
  readonly entry: ((job: AdmittedJob) => AuditRecord) | null;
}

export type JobReplayed =
  | { readonly verdict: 'sent'; readonly job: AdmittedJob; readonly state: JobState }
  | {
      readonly verdict: 'already';
      readonly jobId: Id;
      readonly state: JobState;
      readonly mismatch: boolean;
      /** The redrive that has sent it. */
      readonly redrive: Id | null;
      readonly racing: boolean;
    }
  /** None of this organization has this id. */
  | { readonly verdict: 'unknown' }
  | { readonly verdict: 'not_dead'; readonly state: JobState }
  /** What it sent is not kept any more. */
  | { readonly verdict: 'erased' }
  /** The data of its account is deleted, and so is it. */
  | { readonly verdict: 'being_deleted' }
  /** Its `execute_before` is over. */
  | { readonly verdict: 'too_late'; readonly executeBefore: number }
  /** The store does not take it. */
  | { readonly verdict: 'rejected' }
  /** It names limits, or secrets, under which it cannot start. */
  | {
      readonly verdict: 'unusable';
      readonly what: 'limits' | 'secrets';
      readonly problems: readonly Problem[];
    };

/** Why a dead letter is passed over, and what was sent for it before. */
export interface LeftOut {
  readonly why: RedriveLeftOut;
  readonly result: Id | null;
}

/** Sends dead jobs again, each as a new job that stands in line like any other. */
export interface JobReplays {
  replay(organization: Id, id: Id, replay: JobReplay): Promise<JobReplayed>;
  /**
   * Why its first new try would not be sent now; null: it would. Changes nothing.
   *
   * @param by The redrive that would send it: what it has sent itself, it would send. Null: none yet.
   */
  leftOut(organization: Id, id: Id, edit: JobEdit, by: Id | null): Promise<LeftOut | null>;
  /** The first new try of a dead job; null: there is none. */
  newTryOf(
    dead: Pick<DeadJob, 'id' | 'organization' | 'idempotentKey'>,
  ): Promise<{ readonly jobId: Id; readonly state: JobState } | null>;
}

export interface JobReplaysOptions {
  readonly deadLetters: Pick<DeadLetterReads, 'job' | 'jobState'>;
  readonly jobs: Pick<JobReads, 'get' | 'holder'>;
  readonly gate: Pick<JobGate, 'submit'>;
  readonly rules: Pick<LimitRules, 'namedBy' | 'accountLimit'>;
  readonly vault: Pick<SecretVault, 'find' | 'excess'>;
  readonly deletions: Pick<AccountDeletions, 'isDeleted' | 'unlessDeleted'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: () => Id;
  /** How long a dead job is sent again only once, from the end of its new try, in milliseconds. */
  readonly windowMs: number;
}

export function createJobReplays(options: JobReplaysOptions): JobReplays {
  const { deadLetters, jobs, gate, clock, windowMs } = options;

  async function planned(
    organization: Id,
    id: Id,
    { edit, again, redrive }: Pick<JobReplay, 'edit' | 'again' | 'redrive'>,
  ): Promise<Planned> {
    const dead = await deadLetters.job(organization, id);
    const record = dead === null ? null : await jobs.get(organization, id);
    if (dead === null || record === null) {
      const state = await deadLetters.jobState(organization, id);
      return state === null ? { verdict: 'unknown' } : { verdict: 'not_dead', state };
    }
    const { erased = [] } = record.spec;
    if (erased.some((part) => part !== 'attempts')) return { verdict: 'erased' };
    const now = clock.now();
    const job = newTry(options, { dead, record, now, edit, redrive, again });
    const held = await jobs.holder(organization, job.idempotency, now);
    if (held === null) {
      const { executeBefore } = job.spec;
      if (executeBefore !== undefined && executeBefore <= now) {
        return { verdict: 'too_late', executeBefore };
      }
      const limits = checkLimitCosts(job.spec, options.rules.namedBy(organization));
      if (limits.length > 0) return { verdict: 'unusable', what: 'limits', problems: limits };
      const secrets = checkSecrets(
        job.spec,
        (name) => options.vault.find(organization, name),
        (path) => options.vault.excess(organization, path),
      );
      if (secrets.length > 0) return { verdict: 'unusable', what: 'secrets', problems: secrets };
    }
    return { verdict: 'planned', dead, job, newTry: held?.jobId ?? null };
  }

  return {
    async leftOut(organization, id, edit, by) {
      const plan = await planned(organization, id, { edit, again: null, redrive: by });
      switch (plan.verdict) {
        case 'planned': {
          if (plan.newTry !== null) {
            const first = by === null ? null : await jobs.get(organization, plan.newTry);
            const isOwn = first !== null && first.spec.redrive === by;
            return isOwn ? null : { why: 'already', result: plan.newTry };
          }
          const isDeleted = options.deletions.isDeleted(plan.dead);
          return isDeleted ? { why: 'being_deleted', result: null } : null;
        }
        case 'unusable': {
          const why = plan.what === 'limits' ? 'limits_unusable' : 'secrets_unusable';
          return { why, result: null };
        }
        case 'unknown':
        case 'not_dead':
          return { why: 'gone', result: null };
        case 'erased':
        case 'too_late':
          return { why: plan.verdict, result: null };
      }
    },
    async replay(organization, id, replay) {
      const plan = await planned(organization, id, replay);
      if (plan.verdict !== 'planned') return plan;
      const { dead, job } = plan;
      const { entry } = replay;
      const submit = (): ReturnType<JobGate['submit']> => gate.submit(job, entry?.(job));
      const verdict = await options.deletions.unlessDeleted(dead, submit);
      if (verdict === null) return { verdict: 'being_deleted' };
      switch (verdict.verdict) {
        case 'ok':
          return { verdict: 'sent', job, state: 'pending' };
        case 'duplicate': {
          const { jobId, state, mismatch, racing } = verdict;
          const first = await jobs.get(organization, jobId);
          const by = first?.spec.redrive ?? null;
          return { verdict: 'already', jobId, state, mismatch, racing, redrive: by };
        }
        case 'rejected':
          return { verdict: 'rejected' };
        case 'stale':
        case 'gone':
          throw new Error(`a new try of a job was answered ${verdict.verdict}`);
      }
    },
    async newTryOf(dead) {
      // Whenever its window ends: what is asked is only whether there is one.
      const claim = { scope: `redrive ${dead.id}`, key: dead.idempotentKey };
      const anyway = { ...claim, fingerprint: '', windowMs };
      const held = await jobs.holder(dead.organization, anyway, 0);
      return held === null ? null : { jobId: held.jobId, state: held.state };
    },
  };
}

type Planned =
  | {
      readonly verdict: 'planned';
      readonly dead: DeadJob;
      readonly job: AdmittedJob;
      /** Such a new try that there is already. */
      readonly newTry: Id | null;
    }
  | Exclude<JobReplayed, { readonly verdict: 'sent' | 'already' | 'being_deleted' | 'rejected' }>;

interface NewTry extends Pick<JobReplay, 'edit' | 'redrive' | 'again'> {
  readonly dead: DeadJob;
  readonly record: JobRecord;
  readonly now: number;
}

function newTry(
  { rules, newId, windowMs }: JobReplaysOptions,
  { dead, record, now, edit, redrive, again }: NewTry,
): AdmittedJob {
  const { organization } = dead;
  const limitOf = (userId: string): string | null => rules.accountLimit(organization, userId);
  const spec = withAccountLimits(withoutAccountLimit(redrivenSpec(record, edit, redrive)), limitOf);
  return {
    id: newId(),
    organization,
    // It is done for whom it was done before, and has their turns.
    apiKey: dead.apiKey,
    spec,
    idempotency: redriveClaim(record, spec, { sha256, again, windowMs }),
    createdAt: now,
  };
}

/** The limit of the account is put anew, as it is now. */
function withoutAccountLimit(spec: JobSpec): JobSpec {
  if (spec.userId === '') return spec;
  const own = accountLimit(spec.userId);
  const [first, ...others] = spec.paths.map((path) => {
    const { limits, ...rest } = path;
    const kept = limits?.filter(({ key }) => key !== own) ?? [];
    return kept.length === 0 ? rest : { ...rest, limits: kept };
  });
  return first === undefined ? spec : { ...spec, paths: [first, ...others] };
}
