import type { LocalPlan, PlannedFallback } from '../protocol/plan.ts';
import type { TriggerRequest } from '../protocol/job.ts';
import { abortReason, type Runtime } from '../http/runtime.ts';
import { callLocally, type LocalCallOutcome, type RunningCall } from './local-call.ts';
import type { LocalAttempt, LocalOutcome } from './step-result.ts';

export interface RaceOptions {
  readonly runtime: Runtime;
  readonly maxResponseBytes: number;
  /** Whether a call without any answer starts a fallback that lists statuses. */
  readonly networkErrorTriggersFallback: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface RaceResult {
  readonly outcome: LocalOutcome;
  /** What the step's own call gave; it decides whether the step is forwarded. */
  readonly primary: LocalCallOutcome;
  /** Positions of the fallbacks that were tried. */
  readonly tried: ReadonlySet<number>;
  /** The deadline of the whole step ended it. */
  readonly isOverdue: boolean;
}

/** A path and what came of it. */
interface Ended {
  readonly path: number;
  readonly outcome: LocalCallOutcome;
}

/**
 * Runs a FRUGAL step's own call and its fallbacks, by the rules of the server: a path that fails starts
 * the first later fallback whose trigger matches the failure; an `on_timeout` fallback starts when the
 * path right before it started last and has not ended in time, and races with it. The first success ends
 * the rest.
 *
 * Throws the signal's reason when the caller aborts.
 */
export async function racePaths(plan: LocalPlan, options: RaceOptions): Promise<RaceResult> {
  const { runtime, signal } = options;
  throwIfAborted(signal);
  const race = new Race(plan, options);
  const limit = plan.job.on_failure_timeout_ms;
  let isOverdue = false;
  const cancelLimit =
    limit === undefined
      ? null
      : runtime.after(limit, () => {
          isOverdue = true;
          race.abort();
        });
  try {
    const last = await race.run();
    const isSettled = isSuccess(last.outcome);
    if (!isSettled) throwIfAborted(signal);
    if (isSettled || !isOverdue) return race.result(last, false);
    const message = `no end within the ${limit} ms of onFailureTimeout`;
    const outcome = { kind: 'timeout', message, durationMs: limit ?? 0 } as const;
    return race.result({ path: 0, outcome }, true);
  } finally {
    cancelLimit?.();
    race.abort();
  }
}

class Race {
  readonly #plan: LocalPlan;
  readonly #options: RaceOptions;
  readonly #running = new Map<number, RunningCall>();
  readonly #tried = new Set<number>();
  readonly #attempts: LocalAttempt[] = [];
  #primary: LocalCallOutcome = { kind: 'aborted', durationMs: 0 };
  #lastStarted = 0;
  #lastStartedAt = 0;

  constructor(plan: LocalPlan, options: RaceOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  /** The path that succeeded, or the one that ended last. */
  async run(): Promise<Ended> {
    this.#start(0);
    for (;;) {
      const moment = await this.#nextMoment();
      if (typeof moment === 'number') {
        this.#start(moment);
        continue;
      }
      this.#note(moment);
      if (isSuccess(moment.outcome) || moment.outcome.kind === 'aborted') return moment;
      const next = this.#untried(moment.path).find(([, { trigger }]) =>
        isTriggered(trigger, moment.outcome, this.#options),
      );
      if (next !== undefined) this.#start(next[0]);
      else if (this.#running.size === 0) return moment;
    }
  }

  /** Ends whatever still runs. */
  abort(): void {
    for (const call of this.#running.values()) call.abort();
  }

  result({ path, outcome }: Ended, isOverdue: boolean): RaceResult {
    const answer = outcome.kind === 'response' ? outcome : null;
    return {
      outcome: {
        status: isSuccess(outcome) ? 'success' : 'failed',
        status_code: answer?.status ?? null,
        response: answer?.text ?? null,
        response_headers: answer?.headers ?? {},
        truncated: answer?.truncated ?? false,
        error: errorOf(outcome),
        path,
        attempts: this.#attempts,
      },
      primary: this.#primary,
      tried: this.#tried,
      isOverdue,
    };
  }

  #way(path: number): LocalPlan | PlannedFallback | undefined {
    return path === 0 ? this.#plan : this.#plan.fallbacks[path - 1];
  }

  #start(path: number): void {
    const { runtime, maxResponseBytes, signal } = this.#options;
    const way = this.#way(path);
    if (way === undefined) return;
    const { idempotent_key: key, send_idempotency_key: sendKey } = this.#plan.job;
    this.#lastStarted = path;
    this.#lastStartedAt = runtime.monotonic();
    if (path > 0) this.#tried.add(path - 1);
    const call = {
      job: way.job,
      // Every way to the goal runs under the step's own identity, as on the server.
      idempotencyKey: sendKey === true ? (key ?? null) : null,
      timeoutMs: way.timeout_ms,
      maxResponseBytes,
      signal,
    };
    this.#running.set(path, callLocally(call, runtime));
  }

  /** The next path that ends, or the number of one that is to start before. */
  async #nextMoment(): Promise<Ended | number> {
    const paths = [...this.#running].map(([path, call]) => endOf(path, call));
    const due = this.#nextDue();
    const [only] = paths;
    if (due === null && paths.length === 1 && only !== undefined) return only;
    if (due === null) return Promise.race(paths);
    let cancel = (): void => undefined;
    const timer = new Promise<number>((resolve) => {
      cancel = this.#options.runtime.after(due.inMs, () => resolve(due.path));
    });
    try {
      return await Promise.race([...paths, timer]);
    } finally {
      cancel();
    }
  }

  /** Its clock is that of the path before it: only the fallback right behind the latest start has one. */
  #nextDue(): { readonly path: number; readonly inMs: number } | null {
    const path = this.#lastStarted + 1;
    const [next] = this.#untried(this.#lastStarted);
    if (next?.[0] !== path || next[1].trigger?.type !== 'on_timeout') return null;
    const elapsed = this.#options.runtime.monotonic() - this.#lastStartedAt;
    return { path, inMs: Math.max(0, next[1].trigger.timeout_ms - elapsed) };
  }

  #untried(after: number): readonly (readonly [path: number, way: PlannedFallback])[] {
    return this.#plan.fallbacks
      .map((fallback, index) => [index + 1, fallback] as const)
      .filter(([path, { local }]) => path > after && local && !this.#tried.has(path - 1));
  }

  #note({ path, outcome }: Ended): void {
    this.#running.delete(path);
    if (path === 0) this.#primary = outcome;
    this.#attempts.push({
      path,
      url: withoutQuery(this.#way(path)?.job.url ?? ''),
      outcome: outcome.kind,
      status_code: outcome.kind === 'response' ? outcome.status : null,
      error: errorOf(outcome),
      duration_ms: outcome.durationMs,
    });
  }
}

/** Whether a fallback with this trigger starts when a path before it has failed so. */
export function isTriggered(
  trigger: TriggerRequest | undefined,
  outcome: LocalCallOutcome,
  { networkErrorTriggersFallback }: Pick<RaceOptions, 'networkErrorTriggersFallback'>,
): boolean {
  if (trigger?.type === 'on_timeout') return outcome.kind === 'timeout';
  if (trigger?.type !== 'on_error') return true;
  return outcome.kind === 'response'
    ? trigger.codes.includes(outcome.status)
    : networkErrorTriggersFallback;
}

async function endOf(path: number, { outcome }: RunningCall): Promise<Ended> {
  return { path, outcome: await outcome };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

function isSuccess(outcome: LocalCallOutcome): boolean {
  return outcome.kind === 'response' && outcome.status >= 200 && outcome.status < 300;
}

function errorOf(outcome: LocalCallOutcome): string | null {
  if (isSuccess(outcome)) return null;
  const { kind } = outcome;
  if (kind === 'response') return `Request failed: ${outcome.status}`;
  if (kind === 'aborted') return 'Request failed: aborted';
  return `Request failed: ${kind.replace('_', ' ')} (${outcome.message})`;
}

/** What stands there may be a secret, and attempts end up in errors and logs. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '');
}
