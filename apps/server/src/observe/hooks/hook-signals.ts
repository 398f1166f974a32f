import type { Clock, DeliveryRecord, Id, LimitState } from '@ezthrottle/engine';
import type { SignalledJob, Signals } from '../signals.ts';
import { HookCalls } from './hook-calls.ts';
import type { HookName, LifecycleHooks } from './lifecycle-hooks.ts';

export interface HookSignalsOptions {
  readonly hooks: LifecycleHooks;
  readonly clock: Pick<Clock, 'after'>;
  readonly onFailed: (hook: HookName, error: unknown) => void;
}

/** Where a destination stands; null: nothing is going on there. */
export type StateOfDestination = (organization: Id, origin: string) => LimitState | null;

export interface HookSignals {
  readonly signals: Signals;
  /** Starts to tell of depths and rates; the function stops it and makes the calls that still wait. */
  open(stateOf: StateOfDestination): () => void;
}

const EVERY_MS = 1_000;
/** Upstreams of which one second tells: what is beyond is told of when it is used again. */
const MOST_UPSTREAMS = 1_000;

/** Tells hooks what happens. Signals that none of them takes are left out. */
export function createHookSignals({ hooks, clock, onFailed }: HookSignalsOptions): HookSignals {
  const calls = new HookCalls({ onFailed });
  const used = new Map<string, { readonly organization: Id; readonly origin: string }>();
  const { job_queued, job_dispatched, job_completed, job_failed } = hooks;
  const { webhook_delivered, webhook_failed, queue_depth, flow_rate } = hooks;
  const looks = queue_depth !== undefined || flow_rate !== undefined;

  function use({ organization }: SignalledJob, origin: string): void {
    if (used.size < MOST_UPSTREAMS) used.set(`${organization} ${origin}`, { organization, origin });
  }

  function failed(delivery: DeliveryRecord, attempts: number): void {
    if (webhook_failed === undefined) return;
    calls.add('webhook_failed', () => webhook_failed(shownUrl(delivery.url), attempts));
  }

  const signals: Signals = {
    queued:
      job_queued !== undefined || looks
        ? (job) => {
            const [{ origin }] = job.spec.paths;
            if (looks) use(job, origin);
            if (job_queued !== undefined) {
              calls.add('job_queued', () => job_queued(userOf(job), origin));
            }
          }
        : undefined,
    called:
      job_dispatched !== undefined || looks
        ? ({ job, path: { origin } }) => {
            if (looks) use(job, origin);
            if (job_dispatched !== undefined) {
              calls.add('job_dispatched', () => job_dispatched(userOf(job), origin));
            }
          }
        : undefined,
    ended:
      job_completed !== undefined || job_failed !== undefined
        ? (job, { state, at, error }, acceptedAt) => {
            const [{ origin }] = job.spec.paths;
            const user = userOf(job);
            if (state === 'completed') {
              if (job_completed === undefined) return;
              const durationMs = Math.max(0, at - acceptedAt);
              calls.add('job_completed', () => job_completed(user, origin, durationMs));
            } else if (job_failed !== undefined) {
              calls.add('job_failed', () => job_failed(user, origin, error ?? state));
            }
          }
        : undefined,
    delivered:
      webhook_delivered !== undefined || webhook_failed !== undefined
        ? (delivery, { next, attempt }) => {
            if (next.state === 'dead') failed(delivery, attempt);
            if (next.state !== 'delivered' || webhook_delivered === undefined) return;
            const url = shownUrl(delivery.url);
            calls.add('webhook_delivered', () => webhook_delivered(url, attempt));
          }
        : undefined,
    deliveryEnded:
      webhook_failed === undefined ? undefined : (delivery) => failed(delivery, delivery.attempts),
  };

  function look(stateOf: StateOfDestination): void {
    const upstreams = new Map<string, { depth: number; rate: number }>();
    for (const [key, { organization, origin }] of used) {
      const state = stateOf(organization, origin);
      const upstream = upstreams.get(origin) ?? { depth: 0, rate: 0 };
      upstream.depth += state?.waiting ?? 0;
      upstream.rate += state?.pace.ratePerSecond ?? 0;
      upstreams.set(origin, upstream);
      if (state === null || state.waiting === 0) used.delete(key);
    }
    for (const [origin, { depth, rate }] of upstreams) {
      if (queue_depth !== undefined) calls.add('queue_depth', () => queue_depth(origin, depth));
      if (flow_rate !== undefined) calls.add('flow_rate', () => flow_rate(origin, rate));
    }
  }

  return {
    signals,
    open(stateOf) {
      let cancel: (() => void) | null = null;
      const plan = (): void => {
        cancel = clock.after(EVERY_MS, () => {
          look(stateOf);
          plan();
        });
      };
      if (looks) plan();
      return () => {
        cancel?.();
        calls.flush();
      };
    },
  };
}

function userOf({ spec, apiKey }: SignalledJob): string {
  return spec.userId === '' ? apiKey : spec.userId;
}

/** What stands behind the path, and in front of the host, is often a secret. */
function shownUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? '' : `${parsed.origin}${parsed.pathname}`;
}
