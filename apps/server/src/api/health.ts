import type { LivenessView, ReadinessView } from '@ezthrottle/core/protocol';
import type { Clock, JobReads } from '@ezthrottle/engine';
import type { RegionView } from '../regions/region-views.ts';
import { answeredWithin } from './answered-within.ts';
import type { Route } from './route.ts';

/** How long these answers wait for the store, in milliseconds: less than whoever probes a server. */
const STORE_MS = 3_000;

type Counts = Awaited<ReturnType<JobReads['counts']>>;

/** Counts of jobs by state, read at most once in `maxAgeMs`. */
export function createJobCounts(
  reads: Pick<JobReads, 'counts'>,
  clock: Clock,
  maxAgeMs: number = 1_000,
): { get(): Promise<Counts> } {
  let latest: { readonly counts: Promise<Counts>; readonly until: number } | null = null;
  return {
    get() {
      if (latest !== null && latest.until > clock.monotonic()) return latest.counts;
      const counts = reads.counts();
      latest = { counts, until: clock.monotonic() + maxAgeMs };
      counts.catch(() => {
        latest = null;
      });
      return counts;
    },
  };
}

/** What the server has to do at this moment. */
export interface HealthLoad {
  oldestReadyAt(): Promise<number | null>;
  calls(): { readonly inFlight: number };
  deliveries(): { readonly running: number; readonly waiting: number };
}

/**
 * Whether the process answers. It asks nothing of the store: while that is away, a process that is started anew
 * has as little of it, and calls that are under way are lost.
 */
export function liveRoute(): Route {
  const body: LivenessView = { status: 'alive' };
  return {
    method: 'GET',
    path: '/live',
    access: 'public',
    handle: () => Promise.resolve({ status: 200, body }),
  };
}

/**
 * Whether the server is to be sent requests. It is asked of the store, which everything rests on.
 *
 * @param options.isStopping Whether it has begun to stop.
 */
export function readyRoute(options: {
  readonly clock: Pick<Clock, 'after'>;
  readonly isStopping: () => boolean;
  readonly readStore: () => Promise<unknown>;
}): Route {
  async function status(): Promise<ReadinessView['status']> {
    if (options.isStopping()) return 'stopping';
    return await answeredWithin(options.clock, STORE_MS, options.readStore()).then(
      () => 'ready' as const,
      () => 'store_failed' as const,
    );
  }
  return {
    method: 'GET',
    path: '/ready',
    access: 'public',
    async handle() {
      const body: ReadinessView = { status: await status() };
      return { status: body.status === 'ready' ? 200 : 503, body };
    },
  };
}

/** Whether the server is there and how much it has to do. Needs no key and says nothing of anybody's jobs. */
export function healthRoute(options: {
  readonly version: string;
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
  readonly counts: { get(): Promise<Counts> };
  readonly load: HealthLoad;
  readonly admission: () => Promise<Readonly<Record<string, number | boolean>>>;
  /** Whether this node hears the others; null: there is nobody to be heard. */
  readonly isHearing: () => boolean | null;
  readonly regions: () => 'any' | readonly RegionView[];
}): Route {
  const { clock, load } = options;
  const startedAt = clock.monotonic();
  return {
    method: 'GET',
    path: '/health',
    access: 'public',
    async handle() {
      const asked = Promise.all([load.oldestReadyAt(), options.counts.get(), options.admission()]);
      const [oldestAt, jobs, admission] = await answeredWithin(clock, STORE_MS, asked);
      const { running, waiting } = load.deliveries();
      return {
        status: 200,
        body: {
          status: 'ok',
          version: options.version,
          uptime_seconds: Math.floor((clock.monotonic() - startedAt) / 1_000),
          oldest_wait_ms: oldestAt === null ? null : Math.max(0, clock.now() - oldestAt),
          calls_in_flight: load.calls().inFlight,
          deliveries: { in_flight: running, waiting },
          jobs,
          admission,
          hears_nodes: options.isHearing(),
          regions: options.regions(),
        },
      };
    },
  };
}
