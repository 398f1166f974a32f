import { startTarget } from './recording-target.ts';
import { serverPlace, spawnServer } from './server-process.ts';
import { lostJobs, submitLoad, type SubmitResult } from './submit-load.ts';

export interface DiskOptions {
  readonly folder: string;
  /** Default: the server from its sources. */
  readonly program?: readonly string[];
  /** What stands before the server and makes its disk slow, small or broken; empty: nothing does. */
  readonly before: readonly string[];
  /** Submits end then at the latest, and the server is killed. */
  readonly longestMs: number;
  /** Default 16. */
  readonly clients?: number;
  /** Default 2 000. */
  readonly bodyBytes?: number;
  /** Called before the server is started again, to mend the disk. Default: its wrapper is left out. */
  readonly mend?: () => Promise<void> | void;
}

export interface DiskReport {
  readonly submits: SubmitResult;
  /** Its exit code, or the signal that ended it: SIGKILL when it was we. */
  readonly ended: number | string;
  /** Its last words. */
  readonly said: string;
  /** Accepted jobs that the next life of the server does not know. */
  readonly lost: readonly string[];
}

/** Part of the jobs that is called at once; the others wait. */
const EVERY = 4;
const HOUR_MS = 3_600_000;

/** Submits to a server on a bad disk until the server ends, and looks for every accepted job afterwards. */
export async function proveDisk(options: DiskOptions): Promise<DiskReport> {
  const { longestMs, clients = 16, bodyBytes = 2_000, before, mend } = options;
  await using target = await startTarget(() => ({ status: 200 }));
  const rates = { [target.origin]: { requestsPerSecond: 1_000, burst: 100, concurrency: 40 } };
  const place = serverPlace({ ...options, settings: { rates, logLevel: 'silent' } });
  const server = await spawnServer(place, before).ready();
  const end = performance.now() + longestMs;
  const submits = await submitLoad(server.url, place, {
    clients,
    isOver: () => performance.now() > end,
    jobOf: (number) => ({
      url: `${target.origin}/call`,
      method: 'POST',
      body: `${number} `.padEnd(bodyBytes, 'x'),
      ...(number % EVERY !== 0 && { retry_at: Date.now() + HOUR_MS }),
      ...(number % (2 * EVERY) === 0 && { webhooks: [{ url: `${target.origin}/result` }] }),
    }),
  });
  if (submits.broken === 0) await server.kill();
  const ended = await server.ended;
  await mend?.();
  const next = await spawnServer(place).ready();
  try {
    const lost = await lostJobs(next.url, place, submits.accepted);
    return { submits, ended, said: server.said(), lost };
  } finally {
    await next.stop();
  }
}

/** Starts what comes behind it so that no file of its can grow beyond so many KiB. */
export function smallFiles(kibibytes: number): readonly string[] {
  return ['sh', '-c', `ulimit -f ${kibibytes * 2} && exec "$0" "$@"`];
}
