import type {
  DeadJobDetail,
  JobPage,
  JobView,
  RedriveItemPage,
  RedriveItemView,
  RedriveRequest,
  RedriveView,
} from '@ezthrottle/core/protocol';
import { pause } from './pause.ts';
import { busiestWindow } from './rate.ts';
import { startTarget } from './recording-target.ts';
import { headersOf, serverPlace, spawnServer } from './server-process.ts';
import { submitBatches } from './submit-batches.ts';
import { epochMs } from './target-process.ts';

export interface RedriveProofOptions {
  readonly folder: string;
  /** Default: the server from its sources. */
  readonly program?: readonly string[];
  readonly jobs: number;
  /** Every so manieth of them fails again. */
  readonly poisonEvery: number;
  /** What the target's limit allows. */
  readonly perSecond: number;
  readonly concurrency: number;
}

export interface RedriveProofReport {
  /** With a canary of 100 and 2 %: it is stopped within the canary. */
  readonly inCanary: RedriveView;
  /** Without a canary and 2 %: it is stopped during the rest. */
  readonly inRest: RedriveView;
  /** With 10 %: it takes all that is left. */
  readonly completed: RedriveView;
  /** Most calls in a window of a second, as a share of the rate. */
  readonly busiestSecond: number;
  readonly mostAtOnce: number;
  /** Dead jobs that have both their own attempts and one new try with its own, each naming the other. */
  readonly wholeHistories: number;
  /** Jobs of which the target has seen one call before the redrives and one after. */
  readonly calledTwice: number;
}

/** Lets jobs die, then sends them again with poison among them. */
export async function proveRedrive(options: RedriveProofOptions): Promise<RedriveProofReport> {
  const { jobs, poisonEvery, perSecond, concurrency } = options;
  const calls = new Map<string, number>();
  const arrivals: number[] = [];
  let [isBroken, atOnce, mostAtOnce] = [true, 0, 0];
  await using target = await startTarget(({ path }) => {
    calls.set(path, (calls.get(path) ?? 0) + 1);
    atOnce += 1;
    if (!isBroken) {
      arrivals.push(epochMs());
      mostAtOnce = Math.max(mostAtOnce, atOnce);
    }
    setTimeout(() => {
      atOnce -= 1;
    }, ANSWER_MS);
    const isPoison = Number(path.slice(1)) % poisonEvery === 0;
    return { status: isBroken || isPoison ? 400 : 200, afterMs: ANSWER_MS };
  });
  const rates = { [target.origin]: { requestsPerSecond: perSecond, concurrency } };
  const place = serverPlace({ ...options, settings: { rates } });
  const server = await spawnServer(place).ready();
  try {
    const api = apiOf(server.url, headersOf(place));
    await submitBatches(server.url, place, jobs, (number) => ({
      url: `${target.origin}/${number}`,
      retry_policy: { max_retries: 0, max_reroutes: 0 },
    }));
    await api.idle();
    isBroken = false;
    // What fails again is a dead letter of its own: not one of these.
    const filter = { ended_before: Date.now() + 1 };
    const inCanary = await api.redrive({ filter, canary: 100, max_failure_percent: 2 });
    const inRest = await api.redrive({ filter, canary: 0, max_failure_percent: 2 });
    const completed = await api.redrive({ filter, canary: 20, max_failure_percent: 25 });
    const items = (
      await Promise.all([inCanary, inRest, completed].map((each) => api.items(each)))
    ).flat();
    return {
      inCanary,
      inRest,
      completed,
      busiestSecond: busiestWindow(arrivals, perSecond, 1_000),
      mostAtOnce,
      wholeHistories: await api.whole(items),
      calledTwice: [...calls.values()].filter((count) => count === 2).length,
    };
  } finally {
    await server.kill();
  }
}

const ANSWER_MS = 5;
const LOOK_MS = 100;
/** Requests to the API at the same time. */
const AT_ONCE = 16;

function apiOf(url: string, headers: Readonly<Record<string, string>>) {
  async function call<Body>(path: string, body?: object): Promise<Body> {
    const response = await fetch(`${url}/api/v1${path}`, {
      headers,
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${text}`);
    const answer: Body = JSON.parse(text);
    return answer;
  }

  async function isWhole({ source_id, result_id }: RedriveItemView): Promise<boolean> {
    const dead = await call<DeadJobDetail>(`/dead-letters/jobs/${source_id}`);
    const again = await call<JobView>(`/jobs/${result_id}`);
    return (
      dead.attempts.length === 1 &&
      dead.attempts[0]?.status_code === 400 &&
      dead.redriven_as?.job_id === again.job_id &&
      again.redrive_of === dead.job_id &&
      again.attempts.length === 1 &&
      again.ended_at !== null
    );
  }

  return {
    async idle(): Promise<void> {
      for (;;) {
        const page = await call<JobPage>('/jobs?status=queued,racing,processing&limit=1');
        if (page.jobs.length === 0) return;
        await pause(LOOK_MS);
      }
    },
    /** Hands over faster than the target's limit allows. */
    async redrive(how: Partial<RedriveRequest>): Promise<RedriveView> {
      const request: RedriveRequest = {
        reason: 'a proof',
        rate: 1_000,
        max_items: 100_000,
        ...how,
      };
      const { redrive_id } = await call<RedriveView>('/redrives', request);
      for (;;) {
        const redrive = await call<RedriveView>(`/redrives/${redrive_id}`);
        if (redrive.ended_at !== null) return redrive;
        await pause(LOOK_MS);
      }
    },
    /** Those that it has sent itself. */
    async items({ redrive_id }: RedriveView): Promise<readonly RedriveItemView[]> {
      const items: RedriveItemView[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const page: RedriveItemPage = await call(`/redrives/${redrive_id}/items?limit=100${more}`);
        items.push(...page.items.filter(({ outcome }) => outcome !== 'already'));
        cursor = page.next_cursor;
      }
      return items;
    },
    async whole(items: readonly RedriveItemView[]): Promise<number> {
      let [next, count] = [0, 0];
      const look = async (): Promise<void> => {
        for (let item = items[next]; item !== undefined; item = items[next]) {
          next += 1;
          if (await isWhole(item)) count += 1;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, look));
      return count;
    },
  };
}
