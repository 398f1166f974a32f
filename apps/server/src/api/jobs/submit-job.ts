import type { SubmitReply, WarningView } from '@ezthrottle/core/protocol';
import {
  checkLimitCosts,
  checkSecrets,
  type Clock,
  heldKeyVerdict,
  type Id,
  idempotencyClaim,
  type JobReads,
  type JobSpec,
  type LiveRegions,
  regionWarnings,
  submitReply,
  takenJob,
  type Verdict,
  withAccountLimits,
} from '@ezthrottle/engine';
import { accountOf } from '../../admission/load-meter.ts';
import type { AdmittedJob, JobGate } from '../../dispatch/job-gate.ts';
import { sha256, sha256Text } from '../../dispatch/sha256.ts';
import type { LimitRules } from '../../limits/limit-rules.ts';
import type { Tracing } from '../../observe/tracing/tracing.ts';
import type { SecretVault } from '../../secrets/secret-vault.ts';
import type { Caller } from '../../tenancy/api-keys.ts';
import type { Admission } from '../../admission/admission.ts';
import { ApiError } from '../api-error.ts';
import type { Route } from '../route.ts';
import { preferredWait } from '../prefer.ts';
import { finished, requireRead, type WaitingOptions } from './finished-job.ts';
import { readJob } from './read-job.ts';
import { type SubmitRequest, takeTraced } from './traced-submit.ts';
import { refuseConflict } from './refuse-conflict.ts';

export interface SubmitOptions {
  readonly gate: Pick<JobGate, 'submit'>;
  readonly jobs: Pick<JobReads, 'get' | 'holder'>;
  readonly admission: Admission;
  readonly rules: Pick<LimitRules, 'namedBy' | 'accountLimit'>;
  readonly vault: Pick<SecretVault, 'find' | 'excess'>;
  readonly liveRegions: () => LiveRegions;
  /** Reads what other nodes have changed. Absent: there are none. */
  readonly catchUp?: (() => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly newId: () => Id;
  /** Tells of submits as spans. Absent: nobody wants to know. */
  readonly tracing?: Pick<Tracing, 'submit'> | undefined;
  readonly idempotencyWindowMs: number;
}

/**
 * Takes a job. It is answered once it is on disk: 201 for a new one, 200 for one that is known. A client
 * that would rather wait for the result is answered with that, or with 202 when it takes longer.
 */
export function submitJobRoute(options: SubmitOptions & WaitingOptions): Route {
  return {
    method: 'POST',
    path: '/jobs',
    access: 'submit',
    async handle(call, caller) {
      const waitSeconds = preferredWait(call.header('prefer'));
      if (waitSeconds !== null) requireRead(caller);
      const read = (): ReadyJob => readyJob(options, caller, call.body);
      let ready = read();
      if (lacks(ready) && options.catchUp !== undefined) {
        await options.catchUp();
        ready = read();
      }
      const everybody = await options.admission.refusal(1);
      // Nothing is awaited from here until the job is handed over, where it counts: what has room keeps it.
      const refusal = everybody ?? options.admission.refusalOf(accountOf(ready.job), 1);
      const taken = await takeJob(options, ready, refusal, { route: '/api/v1/jobs', call });
      return waitSeconds === null
        ? taken
        : await finished(options, call, { caller, taken: taken.body }, waitSeconds);
    },
  };
}

/** What is refused for want of a limit or a secret may have been made at another node a moment ago. */
export async function latestReady<Item extends ReadyJob | Error>(
  { catchUp }: Pick<SubmitOptions, 'catchUp'>,
  read: () => readonly Item[],
): Promise<readonly Item[]> {
  const items = read();
  if (catchUp === undefined || !items.some(lacks)) return items;
  await catchUp();
  return read();
}

function lacks(item: ReadyJob | Error): boolean {
  return !(item instanceof Error) && item.unusable !== null;
}

/** A job that may be handed over, and what its client is warned of. */
export interface ReadyJob {
  readonly job: AdmittedJob;
  readonly warnings: readonly WarningView[];
  /** Why it cannot be taken unless it is a repeat; null: nothing speaks against it. */
  readonly unusable: ApiError | null;
}

export interface SubmitAnswer {
  readonly status: 200 | 201;
  readonly body: SubmitReply;
}

/** @throws ApiError `validation_failed` with all that is wrong. */
export function readyJob(options: SubmitOptions, caller: Caller, body: unknown): ReadyJob {
  const { spec, warnings: found } = readJob(body);
  const live = options.liveRegions();
  const warnings = live === 'any' ? found : [...found, ...regionWarnings(spec, live)];
  const unusable =
    unusableLimits(options, spec, caller.organization) ??
    unusableSecrets(options, spec, caller.organization);
  return { job: admitted(options, caller, spec), warnings, unusable };
}

/**
 * Takes a job, unless there is no room. Whoever takes several in one turn has them written at once.
 *
 * @param refusal Why there is no room for new jobs; null: there is.
 */
export function takeJob(
  options: SubmitOptions,
  ready: ReadyJob,
  refusal: ApiError | null,
  request: SubmitRequest,
): Promise<SubmitAnswer> {
  const { spec } = ready.job;
  if (options.tracing === undefined && spec.sendTraceparent !== true) {
    return take(options, ready, refusal);
  }
  return takeTraced(options, ready, request, (job) => take(options, { ...ready, job }, refusal));
}

async function take(
  options: SubmitOptions,
  { job, warnings, unusable }: ReadyJob,
  refusal: ApiError | null,
): Promise<SubmitAnswer> {
  const refused = refusal ?? unusable;
  if (refused !== null) {
    // A repeat of an accepted job is no new load: its client only wants to know.
    const held = await options.jobs.holder(job.organization, job.idempotency, job.createdAt);
    if (held === null) throw refused;
    // Neither is one that comes in the place of another.
    const isReplacing = heldKeyVerdict(job.spec, held).verdict === 'replace';
    if (!isReplacing) return await answerOf(options, job, held, warnings);
    if (unusable !== null) throw unusable;
  }
  const verdict = await options.gate.submit(job);
  if (verdict.verdict !== 'ok') return await answerOf(options, job, verdict, warnings);
  options.admission.accepted();
  const body = submitReply(takenJob(job, verdict), job.idempotency.key, warnings);
  return { status: 201, body };
}

function admitted(options: SubmitOptions, caller: Caller, spec: JobSpec): AdmittedJob {
  return {
    id: options.newId(),
    organization: caller.organization,
    apiKey: caller.apiKey,
    spec: withAccountLimits(spec, (userId) => {
      return options.rules.accountLimit(caller.organization, userId);
    }),
    idempotency: idempotencyClaim(spec, caller.organization, {
      sha256,
      sha256Text,
      windowMs: options.idempotencyWindowMs,
      apiKey: caller.apiKey,
    }),
    createdAt: options.clock.now(),
  };
}

/** Why a job could never start for the limits that it names; null: it could. */
function unusableLimits(
  { rules }: SubmitOptions,
  spec: JobSpec,
  organization: Id,
): ApiError | null {
  const problems = checkLimitCosts(spec, rules.namedBy(organization));
  if (problems.length === 0) return null;
  const message = 'the job names limits under which it cannot start';
  return new ApiError('limits_unusable', message, { problems });
}

/** Why its secrets could not be sent with it; null: they could. */
function unusableSecrets(
  { vault }: SubmitOptions,
  spec: JobSpec,
  organization: Id,
): ApiError | null {
  const problems = checkSecrets(
    spec,
    (name) => vault.find(organization, name),
    (path) => vault.excess(organization, path),
  );
  if (problems.length === 0) return null;
  const message = 'the job refers to secrets that cannot be sent with it';
  return new ApiError('secrets_unusable', message, { problems });
}

/** What a client is told whose job was not taken as a new one. */
async function answerOf(
  options: SubmitOptions,
  job: AdmittedJob,
  verdict: Exclude<Verdict, { readonly verdict: 'ok' }>,
  warnings: readonly WarningView[],
): Promise<SubmitAnswer> {
  switch (verdict.verdict) {
    case 'duplicate': {
      // Until when a live job's key may be taken stands in its own spec.
      const first =
        verdict.expiresAt === null ? await options.jobs.get(job.organization, verdict.jobId) : null;
      const taken = takenJob(job, verdict, first);
      refuseConflict(job.spec, verdict, taken.expiresAt);
      return { status: 200, body: submitReply(taken, job.idempotency.key, warnings) };
    }
    case 'rejected':
      throw new ApiError('validation_failed', 'the job cannot be stored');
    case 'stale':
    case 'gone':
      throw new Error(`a submit was answered ${verdict.verdict}`);
  }
}
