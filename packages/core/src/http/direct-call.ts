import { NetworkError, TimeoutError } from '../errors.ts';
import { startDeadline, type Deadline } from './deadline.ts';
import type { Run } from './running.ts';
import { abortReason, type Runtime } from './runtime.ts';

/**
 * Makes a call of the user's own. Signal and time hold until its body has been read; then, or when
 * nobody wants the rest of it, `run` is ended.
 */
export async function callDirectly(
  runtime: Runtime,
  url: string,
  init: RequestInit,
  { run, timeoutMs }: { readonly run: Run; readonly timeoutMs: number },
): Promise<Response> {
  const deadline = startDeadline(runtime, timeoutMs, run.signal);
  const end = (): void => {
    deadline.clear();
    run.end();
  };
  try {
    // Following would take the caller's headers, keys among them, to where he never sent them.
    const own = { ...init, redirect: 'manual', signal: deadline.signal } as const;
    const response = await runtime.fetch(url, own);
    if (response.body !== null) return withBody(response, watch(response.body, run, deadline, end));
    end();
    return response;
  } catch (error) {
    end();
    throw failureOf(error, run, deadline);
  }
}

/** The body as it comes, with errors of ours. */
function watch(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  run: Run,
  deadline: Deadline,
  end: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const { value } = await reader.read();
          if (value !== undefined) {
            controller.enqueue(value);
            return;
          }
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(failureOf(error, run, deadline));
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    // Nothing is read before it is asked for.
    { highWaterMark: 0 },
  );
}

function withBody(response: Response, body: ReadableStream<Uint8Array<ArrayBuffer>>): Response {
  const { status, statusText, headers, url } = response;
  const watched = new Response(body, { status, statusText, headers });
  // One that is made by hand has none.
  return Object.defineProperty(watched, 'url', { value: url });
}

function failureOf(error: unknown, { signal }: Run, deadline: Deadline): Error {
  if (signal.aborted) return abortReason(signal);
  return deadline.isOver()
    ? new TimeoutError(`The target did not answer within ${deadline.limitMs()} ms`)
    : new NetworkError('The target could not be reached', { cause: error });
}
