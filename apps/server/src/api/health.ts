import type { Clock, JobReads } from '@ezthrottle/engine';
import type { RegionView } from '../regions/region-views.ts';
import type { Route } from './route.ts';

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

/** Whether the server is there and how much it has to do. Needs no key and says nothing of anybody's jobs. */
export function healthRoute(options: {
  readonly version: string;
  readonly counts: { get(): Promise<Counts> };
  readonly admission: () => Promise<Readonly<Record<string, number | boolean>>>;
  readonly regions: () => 'any' | readonly RegionView[];
}): Route {
  return {
    method: 'GET',
    path: '/health',
    access: 'public',
    async handle() {
      return {
        status: 200,
        body: {
          status: 'ok',
          version: options.version,
          jobs: await options.counts.get(),
          admission: await options.admission(),
          regions: options.regions(),
        },
      };
    },
  };
}
