type Hook<Given extends readonly unknown[]> = (...given: Given) => unknown;

/**
 * What a program is told of the life of jobs. All of them are optional, called after the fact and apart
 * from the work: what they return is not waited for, what they throw is swallowed and counted.
 *
 * `user` is the job's `user_id`, else the id of its API key; `upstream` is `scheme://host[:port]`.
 */
export interface LifecycleHooks {
  /** A job is on disk. */
  readonly job_queued?: Hook<[user: string, upstream: string]>;
  /** A call is handed over: the first, or one that follows. */
  readonly job_dispatched?: Hook<[user: string, upstream: string]>;
  /** @param duration_ms From the acceptance of the job, in milliseconds. */
  readonly job_completed?: Hook<[user: string, upstream: string, duration_ms: number]>;
  /** @param reason Such as `status 503`; `cancelled` for a job that was cancelled. */
  readonly job_failed?: Hook<[user: string, upstream: string, reason: string]>;
  /**
   * @param url Without credentials and query.
   * @param attempt The one that was accepted, from 1.
   */
  readonly webhook_delivered?: Hook<[url: string, attempt: number]>;
  /** A delivery was given up. */
  readonly webhook_failed?: Hook<[url: string, attempts: number]>;
  /** Once a second for each upstream in use. @param depth Calls in line. */
  readonly queue_depth?: Hook<[upstream: string, depth: number]>;
  /** Once a second for each upstream in use. @param rps Calls per second that may be sent to it. */
  readonly flow_rate?: Hook<[upstream: string, rps: number]>;
}

export type HookName = keyof LifecycleHooks;

const NAMES: Readonly<Record<HookName, true>> = {
  job_queued: true,
  job_dispatched: true,
  job_completed: true,
  job_failed: true,
  webhook_delivered: true,
  webhook_failed: true,
  queue_depth: true,
  flow_rate: true,
};

export function isHookName(name: string): name is HookName {
  return Object.hasOwn(NAMES, name);
}

export const HOOK_NAMES: readonly HookName[] = Object.keys(NAMES).filter(isHookName);

/** The hooks themselves, with their types: for modules that are named in `--hooks`. */
export function defineHooks(hooks: LifecycleHooks): LifecycleHooks {
  return hooks;
}
