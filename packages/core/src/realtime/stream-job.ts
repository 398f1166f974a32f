import { createParser } from 'eventsource-parser';
import { EZThrottleError } from '../errors.ts';
import { sleep, type Runtime } from '../http/runtime.ts';
import type { Jobs } from '../resources/jobs.ts';
import { isEndEvent, jobEventOf, type JobEvent } from './job-event.ts';

export interface StreamJobOptions {
  /** Ends the stream: the loop over it throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** `id` of the last event that was seen; what came before it is not told again. Default: all. */
  readonly lastEventId?: string | undefined;
  /** Failed connections in a row after which it gives up. Default 10. */
  readonly maxFailures?: number | undefined;
}

export type JobEvents = AsyncGenerator<JobEvent, void, undefined>;

/** Room for one event with a stored response, its characters escaped. */
const MAX_EVENT_LENGTH = 16 * 1_048_576;
const RECONNECT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;

/** See `client.stream`. */
export async function* streamJob(
  jobs: Pick<Jobs, 'streamText'>,
  runtime: Runtime,
  jobId: string,
  options: StreamJobOptions,
): JobEvents {
  const { signal, maxFailures = 10 } = options;
  let { lastEventId } = options;
  let reconnectMs = RECONNECT_MS;
  let failures = 0;
  for (;;) {
    const waiting: JobEvent[] = [];
    const parser = createParser({
      maxBufferSize: MAX_EVENT_LENGTH,
      onEvent: (message) => {
        const event = jobEventOf(message);
        if (event !== null) waiting.push(event);
      },
      onRetry: (ms) => {
        reconnectMs = Math.min(ms, LONGEST_WAIT_MS);
      },
    });
    let hasText = false;
    try {
      for await (const text of jobs.streamText(jobId, { signal, lastEventId })) {
        hasText = true;
        failures = 0;
        parser.feed(text);
        for (const event of waiting.splice(0)) {
          lastEventId = event.id ?? lastEventId;
          yield event;
          if (isEndEvent(event)) return;
        }
      }
      // The server has nothing more for who has seen the end.
      if (!hasText) return;
    } catch (error) {
      failures += 1;
      const mayPass = error instanceof EZThrottleError && error.retryable;
      if (signal?.aborted === true || !mayPass || failures > maxFailures) throw error;
    }
    // Full jitter on top of what the server asks: watchers of one server do not come back together.
    const spread = Math.min(LONGEST_WAIT_MS, reconnectMs * 2 ** failures) - reconnectMs;
    await sleep(runtime, reconnectMs + runtime.random() * Math.max(0, spread), signal);
  }
}
