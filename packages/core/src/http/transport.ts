import { LIMITS } from '../protocol/limits.ts';
import { EZThrottleError, NetworkError, TimeoutError } from '../errors.ts';
import { answerError, type Answer } from './answer-error.ts';
import { startDeadline } from './deadline.ts';
import { parseJson } from './json.ts';
import { readBody } from './read-body.ts';
import { retryDelay, type RetryPolicy } from './retry.ts';
import { abortReason, sleep, type Runtime } from './runtime.ts';
import { openEnvelope, sealEnvelope } from './proxy-envelope.ts';

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Begins with `/api/`. */
  readonly path: string;
  readonly body?: unknown;
  /** Doing it twice is as good as once. Default true. */
  readonly isRepeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  readonly apiKey: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Calls go through the proxy at this address, without a slash at its end; null: straight. */
  readonly proxyUrl: string | null;
  /** Time allowed to one try, in milliseconds. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly runtime: Runtime;
}

/** Room for a page of jobs, each with a stored response. */
const MAX_ANSWER_BYTES = 64 * LIMITS.requestBytes;

/** Asks the server and gives its parsed answer; throws an `EZThrottleError` for anything but 2xx. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  async send(call: ApiCall): Promise<unknown> {
    const { retry, runtime } = this.#options;
    const isRepeatable = call.isRepeatable ?? true;
    for (let retries = 0; ; retries += 1) {
      const result = await this.#try(call);
      if (result instanceof EZThrottleError) {
        const delay = retryDelay(result, isRepeatable, retries, retry, runtime);
        if (delay === null) throw result;
        await sleep(runtime, delay, call.signal);
      } else return result.json;
    }
  }

  /** One try. A failure that may pass is returned, not thrown; the caller's abort is thrown. */
  async #try(call: ApiCall): Promise<Answer | EZThrottleError> {
    const { runtime, timeoutMs } = this.#options;
    const deadline = startDeadline(runtime, timeoutMs, call.signal);
    try {
      const answer = await this.#fetch(call, deadline.signal);
      const isSuccess = answer.status >= 200 && answer.status < 300;
      if (!isSuccess) return answerError(answer, runtime.now());
      if (answer.json !== undefined) return answer;
      return new EZThrottleError('The answer is not JSON: is this an EZThrottle server?', {
        code: 'unexpected_answer',
        status: answer.status,
      });
    } catch (error) {
      if (call.signal?.aborted === true) throw abortReason(call.signal);
      if (error instanceof EZThrottleError) return error;
      if (deadline.isOver()) {
        return new TimeoutError(`The server did not answer within ${timeoutMs} ms`);
      }
      return new NetworkError(`The server could not be reached: ${describe(error)}`, {
        cause: error,
      });
    } finally {
      deadline.clear();
    }
  }

  async #fetch(call: ApiCall, signal: AbortSignal): Promise<Answer> {
    const { baseUrl, proxyUrl, apiKey, runtime } = this.#options;
    const url = `${baseUrl}${call.path}`;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers: Record<string, string> = {
      Authorization: `Bearer ${apiKey}`,
      Accept: 'application/json',
    };
    if (body !== undefined || proxyUrl !== null) headers['Content-Type'] = 'application/json';
    // A redirect would take the key elsewhere, or turn a submit into a GET.
    const common = { headers, signal, redirect: 'manual' } as const;
    if (proxyUrl === null) {
      const init = { ...common, method: call.method, ...(body === undefined ? {} : { body }) };
      return readAnswer(await runtime.fetch(url, init));
    }
    const envelope = JSON.stringify(sealEnvelope(url, call.method, body));
    const response = await runtime.fetch(`${proxyUrl}/api/v1/proxy`, {
      ...common,
      method: 'POST',
      body: envelope,
    });
    return openEnvelope(await readAnswer(response));
  }
}

async function readAnswer(response: Response): Promise<Answer> {
  const { text, truncated } = await readBody(response, MAX_ANSWER_BYTES);
  const { status, headers } = response;
  return { status, headers, text, json: truncated ? undefined : parseJson(text) };
}

/** `fetch` says only "fetch failed"; what happened is in the cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string')
    return cause.code;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
