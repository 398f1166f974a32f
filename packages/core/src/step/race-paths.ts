import type { LocalPlan, PlannedFallback } from '../protocol/plan.ts';
import type { TriggerRequest } from '../protocol/job.ts';
import { abortReason, type Runtime } from '../http/runtime.ts';
import { callLocally, type LocalCallOutcome } from './local-call.ts';
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

type Moment = Ended | { readonly due: number } | 'overdue' | 'aborted';

/**
 * Runs a FRUGAL step's own call and its fallbacks, by the rules of the server: a path that fails starts
 * the first later fallback whose trigger matches the failure; an `on_timeout` fallback starts when the
 * path that started last has not ended in time, and races with it. The first success ends the rest.
 *
 * Throws the signal's reason when the caller aborts.
 */
export async function racePaths(plan: LocalPlan, options: RaceOptions): Promise<RaceResult> {
  const race = new Race(plan, options);
  try {
    return await race.run();
  } finally {
    race.close();
  }
}

class Race {
  readonly #plan: LocalPlan;
  readonly #options: RaceOptions;
  readonly #stop = new AbortController();
  readonly #running = new Map<number, Promise<Ended>>();
  readonly #tried = new Set<number>();
  readonly #attempts: LocalAttempt[] = [];
  readonly #cleanUps: (() => void)[] = [];
  readonly #ends: Promise<Moment>[] = [];
  #primary: LocalCallOutcome = { kind: 'aborted', durationMs: 0 };
  #lastStarted = 0;
  #lastStartedAt = 0;

  constructor(plan: LocalPlan, options: RaceOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#watchCaller();
    this.#watchDeadline();
  }

  async run(): Promise<RaceResult> {
    const { signal } = this.#options;
    if (signal?.aborted === true) throw abortReason(signal);
    this.#start(0);
    let last: Ended = { path: 0, outcome: this.#primary };
    while (this.#running.size > 0) {
      const moment = await this.#nextMoment();
      if (moment === 'overdue') return this.#overdue();
      if (moment === 'aborted') throw abortReason(signal ?? this.#stop.signal);
      if ('due' in moment) {
        this.#start(moment.due);
        continue;
      }
      last = moment;
      this.#note(last);
      if (isSuccess(last.outcome)) break;
      const next = this.#nextAfter(last);
      if (next !== null) this.#start(next);
    }
    return this.#result(last);
  }

  /** Aborts what still runs and drops every timer. */
  close(): void {
    this.#stop.abort();
    for (const cleanUp of this.#cleanUps) cleanUp();
  }

  #start(path: number): void {
    const { runtime, maxResponseBytes } = this.#options;
    const way = path === 0 ? this.#plan : this.#plan.fallbacks[path - 1];
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
      signal: this.#stop.signal,
    };
    this.#running.set(
      path,
      callLocally(call, runtime).then((outcome) => ({ path, outcome })),
    );
  }

  async #nextMoment(): Promise<Moment> {
    const due = this.#nextDue();
    if (due === null) return Promise.race<Moment>([...this.#running.values(), ...this.#ends]);
    let cancel = (): void => undefined;
    const timer = new Promise<Moment>((resolve) => {
      cancel = this.#options.runtime.after(due.inMs, () => resolve({ due: due.path }));
    });
    try {
      return await Promise.race<Moment>([...this.#running.values(), ...this.#ends, timer]);
    } finally {
      cancel();
    }
  }

  /** The next `on_timeout` fallback: measured from the start of the path that started last. */
  #nextDue(): { readonly path: number; readonly inMs: number } | null {
    for (const [path, { trigger }] of this.#untried(this.#lastStarted)) {
      if (trigger?.type !== 'on_timeout') continue;
      const elapsed = this.#options.runtime.monotonic() - this.#lastStartedAt;
      return { path, inMs: Math.max(0, trigger.timeout_ms - elapsed) };
    }
    return null;
  }

  #nextAfter({ path: failed, outcome }: Ended): number | null {
    const match = this.#untried(failed).find(([, { trigger }]) => this.#matches(trigger, outcome));
    return match?.[0] ?? null;
  }

  #untried(after: number): readonly (readonly [number, PlannedFallback])[] {
    return this.#plan.fallbacks
      .map((fallback, index) => [index + 1, fallback] as const)
      .filter(([path, { local }]) => path > after && local && !this.#tried.has(path - 1));
  }

  #matches(trigger: TriggerRequest | undefined, outcome: LocalCallOutcome): boolean {
    switch (trigger?.type) {
      case undefined:
        return true;
      case 'on_error':
        return outcome.kind === 'response'
          ? trigger.codes.includes(outcome.status)
          : this.#options.networkErrorTriggersFallback;
      case 'on_timeout':
        return outcome.kind === 'timeout';
    }
  }

  #note({ path, outcome }: Ended): void {
    this.#running.delete(path);
    if (path === 0) this.#primary = outcome;
    this.#attempts.push({
      path,
      url: (path === 0 ? this.#plan : this.#plan.fallbacks[path - 1])?.job.url ?? '',
      outcome: outcome.kind,
      status_code: outcome.kind === 'response' ? outcome.status : null,
      error: isSuccess(outcome) ? null : describeOutcome(outcome),
      duration_ms: outcome.durationMs,
    });
  }

  #overdue(): RaceResult {
    const limit = this.#plan.job.on_failure_timeout_ms ?? 0;
    const message = `no end within the ${limit} ms of onFailureTimeout`;
    const outcome: LocalCallOutcome = { kind: 'timeout', message, durationMs: limit };
    return { ...this.#result({ path: 0, outcome }), isOverdue: true };
  }

  #result({ path, outcome }: Ended): RaceResult {
    const answer = outcome.kind === 'response' ? outcome : null;
    return {
      outcome: {
        status: isSuccess(outcome) ? 'success' : 'failed',
        status_code: answer?.status ?? null,
        response: answer?.text ?? null,
        response_headers: answer?.headers ?? {},
        truncated: answer?.truncated ?? false,
        error: isSuccess(outcome) ? null : describeOutcome(outcome),
        path,
        attempts: this.#attempts,
      },
      primary: this.#primary,
      tried: this.#tried,
      isOverdue: false,
    };
  }

  #watchCaller(): void {
    const { signal } = this.#options;
    if (signal === undefined) return;
    this.#ends.push(
      new Promise((resolve) => {
        const onAbort = (): void => resolve('aborted');
        signal.addEventListener('abort', onAbort, { once: true });
        this.#cleanUps.push(() => signal.removeEventListener('abort', onAbort));
      }),
    );
  }

  #watchDeadline(): void {
    const limit = this.#plan.job.on_failure_timeout_ms;
    if (limit === undefined) return;
    this.#ends.push(
      new Promise((resolve) => {
        this.#cleanUps.push(this.#options.runtime.after(limit, () => resolve('overdue')));
      }),
    );
  }
}

function isSuccess(outcome: LocalCallOutcome): boolean {
  return outcome.kind === 'response' && outcome.status >= 200 && outcome.status < 300;
}

function describeOutcome(outcome: LocalCallOutcome): string {
  switch (outcome.kind) {
    case 'response':
      return `Request failed: ${outcome.status}`;
    case 'network_error':
      return `Request failed: network error (${outcome.message})`;
    case 'timeout':
      return `Request failed: timeout (${outcome.message})`;
    case 'aborted':
      return 'Request failed: aborted';
  }
}
