import { createParser } from 'eventsource-parser';
import { EZThrottleError } from '../errors.ts';
import { sleep, systemRuntime, type Runtime } from '../http/runtime.ts';
import type { Jobs } from '../resources/jobs.ts';
import { isEndEvent, jobEventOf, type JobEvent } from './job-event.ts';

export interface StreamJobOptions {
  /** Ends the stream: the loop over it throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** `id` of the last event that was seen; what came before it is not told again. Default: all. */
  readonly lastEventId?: string;
  /** Failed connections in a row after which it gives up. Default 10. */
  readonly maxFailures?: number;
  /** Time and randomness, for tests. */
  readonly runtime?: Partial<Runtime>;
}

export type JobEvents = AsyncGenerator<JobEvent, void, undefined>;

/** Room for one event with a stored response, its characters escaped. */
const MAX_EVENT_LENGTH = 16 * 1_048_576;
const RECONNECT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;

/**
 * What has happened to a job, then what happens, until its end. A connection that breaks is made anew
 * and goes on after the last event. Throws what the server refuses with, such as `NotFoundError`, and
 * the last failure when the server stays out of reach.
 *
 * @example
 * for await (const event of streamJob(client, jobId)) console.log(event.type);
 */
export async function* streamJob(
  client: { readonly jobs: Pick<Jobs, 'streamText'> },
  jobId: string,
  options: StreamJobOptions = {},
): JobEvents {
  const { signal, maxFailures = 10 } = options;
  const runtime = { ...systemRuntime, ...options.runtime };
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
      const call = {
        ...(lastEventId === undefined ? {} : { lastEventId }),
        ...(signal === undefined ? {} : { signal }),
      };
      for await (const text of client.jobs.streamText(jobId, call)) {
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
