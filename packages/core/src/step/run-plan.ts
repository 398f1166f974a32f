import type { LocalPlan, Plan, SubmitPlan } from '../protocol/plan.ts';
import { EZThrottleError, NetworkError, ServerError, TimeoutError } from '../errors.ts';
import type { Runtime } from '../http/runtime.ts';
import type { CallOptions } from '../resources/call-options.ts';
import type { SubmitAnswer } from '../resources/submit-jobs.ts';
import { tellUser } from '../tell-user.ts';
import { forwardPlan } from './assemble-job.ts';
import { withinTime } from './call-time.ts';
import type { ContinuationSealer } from './continuation-seal.ts';
import { isTriggered, racePaths, type RaceResult } from './race-paths.ts';
import { localResult } from './local-result.ts';
import { sealPlan } from './seal-plan.ts';
import { submittedResult } from './submitted-result.ts';
import {
  ForwardFailedError,
  type ChildOutcome,
  type LocalOutcome,
  type StepResult,
  type SubmittedResult,
} from './step-result.ts';
import type { JobRequest } from '../protocol/job.ts';

export interface PlanRunnerOptions {
  readonly runtime: Runtime;
  readonly sealer: ContinuationSealer;
  submit(job: JobRequest, options: CallOptions): Promise<SubmitAnswer>;
  /** Told of every step that followed and failed with an error. It may fail, at once or later. */
  onChildError(error: unknown, edge: string): unknown;
  readonly maxResponseBytes: number;
  readonly networkErrorTriggersFallback: boolean;
  readonly retryFallbacksRemotely: boolean;
}

/** Where in a chain a plan runs. */
export interface PlanScope {
  readonly signal: AbortSignal | undefined;
  /** Key for jobs that have none of their own, so that a repeat of the chain is a duplicate; null: none. */
  readonly key: string | null;
  /** What is left of the time for all of it, in milliseconds. Absent: no limit. */
  readonly remainingMs?: () => number;
  /** Time allowed to one try of handing a job over, in milliseconds. Absent: the client's. */
  readonly timeout?: number | undefined;
  /** Holds what follows in this run, for as long as it runs. */
  readonly following?: Set<Promise<unknown>>;
}

/** Runs plans: jobs are handed over, local calls made here, and what follows them started. */
export class PlanRunner {
  readonly #options: PlanRunnerOptions;
  readonly #children = new Set<Promise<unknown>>();

  constructor(options: PlanRunnerOptions) {
    this.#options = options;
  }

  async run(plan: Plan, scope: PlanScope): Promise<StepResult> {
    return plan.kind === 'submit' ? this.#submit(plan, scope, null) : this.#runLocal(plan, scope);
  }

  /**
   * Settled when no step that followed another runs any more; never rejects.
   *
   * @param following Those of one run. Default: of all.
   */
  async settled(following: ReadonlySet<Promise<unknown>> = this.#children): Promise<void> {
    while (following.size > 0) await Promise.all(following);
  }

  async #submit(
    plan: SubmitPlan,
    { signal, key, timeout }: PlanScope,
    local: LocalOutcome | null,
  ): Promise<SubmittedResult> {
    const needsKey = key !== null && plan.job.idempotent_key === undefined;
    const keyed = needsKey ? { ...plan, job: { ...plan.job, idempotent_key: key } } : plan;
    const job = await sealPlan(keyed, this.#options.sealer);
    const answer = await this.#options.submit(job, { signal, timeout });
    return submittedResult(answer, job.idempotent_key ?? null, local);
  }

  async #runLocal(plan: LocalPlan, scope: PlanScope): Promise<StepResult> {
    const timed = withinTime(plan, scope.remainingMs?.() ?? null);
    const race = await racePaths(timed, { ...this.#options, signal: scope.signal });
    const { outcome } = race;
    // From here on the step's own outcome is final, whatever becomes of what follows.
    if (outcome.status === 'success') {
      return localResult(plan, outcome, this.#followSuccess(plan, outcome.path, scope));
    }
    if (!isForwarded(plan, race, this.#options)) {
      return localResult(plan, outcome, this.#followFailure(plan, race, scope));
    }
    const exhausted = this.#options.retryFallbacksRemotely ? new Set<number>() : race.tried;
    try {
      const result = await this.#submit(forwardPlan(plan, exhausted), scope, outcome);
      // They are no part of the job, so their end is known.
      void this.#follow(afterFallbacks(plan, exhausted), scope);
      return result;
    } catch (error) {
      if (scope.signal?.aborted === true) throw error;
      const isUncertain = mayHaveBeenAccepted(error);
      // With a job that may run after all, its failure is not ours to act on.
      if (isUncertain) void this.#follow(afterFallbacks(plan, exhausted), scope);
      else void this.#followFailure(plan, race, scope);
      throw new ForwardFailedError(outcome, error, isUncertain);
    }
  }

  #followSuccess(
    plan: LocalPlan,
    path: number,
    scope: PlanScope,
  ): Promise<readonly ChildOutcome[]> {
    const children = [child('onSuccess', plan.on_success)];
    const way = plan.fallbacks[path - 1];
    if (way !== undefined) children.push(child(`fallback[${path - 1}].onSuccess`, way.on_success));
    return this.#follow(children.flat(), scope);
  }

  #followFailure(
    plan: LocalPlan,
    { tried }: RaceResult,
    scope: PlanScope,
  ): Promise<readonly ChildOutcome[]> {
    const ofFallbacks = afterFallbacks(plan, tried);
    return this.#follow([...child('onFailure', plan.on_failure), ...ofFallbacks], scope);
  }

  #follow(children: readonly Child[], scope: PlanScope): Promise<readonly ChildOutcome[]> {
    if (children.length === 0) return NOTHING_FOLLOWS;
    const running = Promise.all(children.map((next) => this.#runChild(next, scope)));
    const sets = [this.#children, scope.following];
    for (const set of sets) set?.add(running);
    return running.finally(() => {
      for (const set of sets) set?.delete(running);
    });
  }

  async #runChild({ edge, plan }: Child, scope: PlanScope): Promise<ChildOutcome> {
    const key = scope.key === null ? null : `${scope.key}/${edge}`;
    try {
      const result = await this.run(plan, { ...scope, key });
      if (result.kind === 'local') await result.children;
      return { edge, ok: true, result };
    } catch (error) {
      tellUser(() => this.#options.onChildError(error, edge));
      return { edge, ok: false, error };
    }
  }
}

const NOTHING_FOLLOWS: Promise<readonly ChildOutcome[]> = Promise.resolve([]);

interface Child {
  readonly edge: string;
  readonly plan: Plan;
}

function child(edge: string, plan: Plan | undefined): Child[] {
  return plan === undefined ? [] : [{ edge, plan }];
}

/** What follows the failure of the fallbacks at these positions. */
function afterFallbacks(plan: LocalPlan, positions: ReadonlySet<number>): readonly Child[] {
  return plan.fallbacks.flatMap((way, index) =>
    positions.has(index) ? child(`fallback[${index}].onFailure`, way.on_failure) : [],
  );
}

/**
 * The step's own call decides: fallbacks are other ways to its goal, not other goals. Also when it was
 * answered with what starts a fallback that needs the server.
 */
function isForwarded(
  plan: LocalPlan,
  { primary, isOverdue }: RaceResult,
  options: PlanRunnerOptions,
): boolean {
  if (isOverdue) return false;
  if (primary.kind !== 'response' || plan.forward_codes.includes(primary.status)) return true;
  return plan.fallbacks.some(
    ({ local, trigger }) => !local && isTriggered(trigger, primary, options),
  );
}

/** Without a clear refusal, a job may have been taken whose answer was lost. */
function mayHaveBeenAccepted(error: unknown): boolean {
  if (error instanceof NetworkError || error instanceof TimeoutError) return true;
  if (error instanceof ServerError) return true;
  return error instanceof EZThrottleError && error.code === 'unexpected_answer';
}
