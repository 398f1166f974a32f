import { isFinalState } from '@ezthrottle/core/protocol';
import type { Clock, Id, JobReads, JobRecord } from '@ezthrottle/engine';
import type { JobEventHub } from '../../realtime/job-event-hub.ts';
import type { Caller } from '../../tenancy/api-keys.ts';
import type { KeyEnds } from '../../tenancy/key-ends.ts';
import { isEndType } from '../../realtime/numbered-event.ts';

/** Requests that wait for the end of a job. */
export interface EndWaits {
  /**
   * Null at once when as many are watching jobs as the hub allows, or the server is stopping: then nobody
   * waits.
   */
  begin(wish: EndWish): Promise<JobRecord | null> | null;
  /** Ends every wait; begins no new one. */
  close(): void;
}

export interface EndWish {
  /** On whose behalf; nobody waits any more when his key opens nothing any more. */
  readonly caller: Caller;
  readonly jobId: Id;
  /** Milliseconds. */
  readonly forMs: number;
  /** Tells when nobody waits for the answer any more. */
  readonly onGone: (listener: () => void) => void;
}

/** Waits for jobs in this process: as long as they take, as long as was asked for, or until `close`. */
export function createEndWaits(options: {
  readonly jobs: Pick<JobReads, 'get'>;
  readonly hub: Pick<JobEventHub, 'subscribe'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly keyEnds: Pick<KeyEnds, 'onEnd'>;
  /** How often it is looked whether it has ended elsewhere, untold, in milliseconds. Default: never. */
  readonly lookEveryMs?: number | undefined;
}): EndWaits {
  const { jobs, hub, clock, keyEnds, lookEveryMs } = options;
  const open = new Set<() => void>();
  let isClosed = false;

  async function ended(organization: Id, jobId: Id): Promise<JobRecord | null> {
    const job = await jobs.get(organization, jobId);
    return job !== null && isFinalState(job.state) ? job : null;
  }

  return {
    begin({ caller, jobId, forMs, onGone }) {
      if (isClosed) return null;
      const { organization } = caller;
      let stop = (): void => undefined;
      let hasKeyEnded = false;
      const over = new Promise<void>((resolve) => {
        stop = resolve;
      });
      // Listening starts before reading, so that no end falls in between.
      const unsubscribe = hub.subscribe(jobId, ({ type }) => {
        if (isEndType(type)) stop();
      });
      if (unsubscribe === null) return null;
      const cancelTimer = clock.after(forMs, stop);
      open.add(stop);
      onGone(stop);
      const forgetKey = keyEnds.onEnd(caller, () => {
        hasKeyEnded = true;
        stop();
      });
      const stopLooking =
        lookEveryMs === undefined
          ? () => undefined
          : looking(clock, lookEveryMs, async () => {
              if ((await ended(organization, jobId)) !== null) stop();
            });
      const wait = async (): Promise<JobRecord | null> => {
        const already = await ended(organization, jobId);
        if (already !== null) return hasKeyEnded ? null : already;
        await over;
        return hasKeyEnded ? null : await ended(organization, jobId);
      };
      return wait().finally(() => {
        open.delete(stop);
        stopLooking();
        cancelTimer();
        forgetKey();
        unsubscribe();
      });
    },
    close() {
      isClosed = true;
      for (const stop of open) stop();
    },
  };
}

/** Looks again and again, never twice at once. Gives what ends it. A look that fails is followed by the next. */
function looking(
  clock: Pick<Clock, 'after'>,
  everyMs: number,
  look: () => Promise<void>,
): () => void {
  let isOver = false;
  let cancel = (): void => undefined;
  const plan = (): void => {
    cancel = clock.after(everyMs, () => {
      const next = (): void => {
        if (!isOver) plan();
      };
      look().then(next, next);
    });
  };
  plan();
  return () => {
    isOver = true;
    cancel();
  };
}
