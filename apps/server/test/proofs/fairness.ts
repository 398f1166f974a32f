import { headersOf, serverPlace, type ServerPlace, spawnServer } from './server-process.ts';
import { pause } from './pause.ts';
import { submitBatches } from './submit-batches.ts';
import { epochMs, startTargetProcess } from './target-process.ts';

export interface FairnessOptions {
  readonly folder: string;
  /** Default: the server from its sources. */
  readonly program?: readonly string[];
  readonly perSecond: number;
  readonly noisyJobs: number;
  /** Over so many `user_id`s the noisy key's jobs are spread; 0: it names none. */
  readonly noisyUsers: number;
  readonly quietJobs: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export interface QuietWait {
  /** Milliseconds from before its submit to its arrival at the target. */
  readonly ms: number;
  /** Calls of the noisy key that arrived between its acceptance and its own arrival. */
  readonly overtakenBy: number;
}

/**
 * Two API keys of one organization at one destination: the noisy one's jobs wait already, the quiet one
 * submits a job now and then, half as many as its share.
 */
export async function measureFairness(options: FairnessOptions): Promise<readonly QuietWait[]> {
  const { perSecond, noisyJobs, noisyUsers, quietJobs, random } = options;
  await using target = await startTargetProcess({ answerAfterMs: 5 });
  const rates = { [target.origin]: { requestsPerSecond: perSecond, concurrency: 100 } };
  const quiet = serverPlace({ ...options, settings: { rates } });
  // Keys of earlier starts go on working: each start brings another one.
  await (await spawnServer(quiet).ready()).stop();
  const noisy = serverPlace({ ...options, settings: { rates, ...keysOf(quiet) } });
  const server = await spawnServer(noisy).ready();
  try {
    await submitBatches(server.url, noisy, noisyJobs, (number) => ({
      url: `${target.origin}/noisy/${number}`,
      ...(noisyUsers > 0 && { user_id: `user-${number % noisyUsers}` }),
    }));
    const submits: { readonly sentAt: number; readonly acceptedAt: number }[] = [];
    const everyMs = (4 * 1_000) / perSecond;
    const begunAt = epochMs() + everyMs;
    for (let number = 0; number < quietJobs; number += 1) {
      // Not in step with the calls of the other.
      await pause(begunAt + (number + random() / 2) * everyMs - epochMs());
      const sentAt = epochMs();
      await submitOne(server.url, quiet, `${target.origin}/quiet/${number}`);
      submits.push({ sentAt, acceptedAt: epochMs() });
    }
    await pause(20 * everyMs);
    const { arrivals } = await target.report();
    const noise = arrivals.filter(({ path }) => path.startsWith('/noisy/')).map(({ at }) => at);
    const arrivedAt = new Map(arrivals.map(({ path, at }) => [path, at]));
    return submits.map(({ sentAt, acceptedAt }, number) => {
      const at = arrivedAt.get(`/quiet/${number}`) ?? Number.POSITIVE_INFINITY;
      const between = noise.filter((other) => other > acceptedAt && other < at);
      return { ms: at - sentAt, overtakenBy: between.length };
    });
  } finally {
    await server.kill();
  }
}

async function submitOne(url: string, place: ServerPlace, target: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: headersOf(place),
    body: JSON.stringify({ url: target }),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`a submit was answered ${response.status}: ${text}`);
}

/** What another start on the same folder needs to be the same server. */
function keysOf({ masterKey, signingSecret }: ServerPlace): object {
  return { masterKey, signingSecret };
}
