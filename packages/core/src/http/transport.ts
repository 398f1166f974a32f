import { LIMITS } from '../protocol/limits.ts';
import { CircuitOpenError, EZThrottleError, NetworkError, TimeoutError } from '../errors.ts';
import { errorText } from './error-text.ts';
import { answerError, type Answer } from './answer-error.ts';
import {
  admit,
  CLOSED,
  settle,
  type CallOutcome,
  type Circuit,
  type CircuitPolicy,
} from './circuit-breaker.ts';
import { startDeadline, type Deadline } from './deadline.ts';
import { parseJson } from './json.ts';
import { readBody } from './read-body.ts';
import { retryDelay, type RetryPolicy } from './retry.ts';
import type { Running } from './running.ts';
import { abortReason, sleep, type Runtime } from './runtime.ts';
import { openEnvelope, sealEnvelope, withoutKey } from './proxy-envelope.ts';
import { userAgent } from './user-agent.ts';

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Begins with `/api/`. */
  readonly path: string;
  readonly body?: unknown;
  /** Doing it twice is as good as once. Default true. */
  readonly isRepeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
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
  /** Null: calls go out however many have failed. */
  readonly circuit: CircuitPolicy | null;
  readonly running: Running;
  readonly runtime: Runtime;
}

/** A call with its own id, and aborted when the client is closed, too. */
type SentCall = ApiCall & { readonly id: string; readonly signal: AbortSignal };

/** Room for a page of jobs, each with a stored response. */
const MAX_ANSWER_BYTES = 64 * LIMITS.requestBytes;

/** A stream that says nothing for so long is taken for broken: a server gives a sign every 15 s. */
const STREAM_IDLE_MS = 45_000;

/** Asks the server and gives its parsed answer; throws an `EZThrottleError` for anything but 2xx. */
export class Transport {
  readonly #options: TransportOptions;
  #circuit: Circuit = CLOSED;
  #tickets = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  async send(call: ApiCall): Promise<unknown> {
    const run = this.#options.running.begin(call.signal);
    try {
      return (await this.#sendUntilDone(this.#named(call, run.signal))).json;
    } finally {
      run.end();
    }
  }

  async #sendUntilDone(call: SentCall): Promise<Answer> {
    const { retry, runtime } = this.#options;
    let last: EZThrottleError | null = null;
    for (let retries = 0; ; retries += 1) {
      const result = await this.#tryUnlessOpen(call);
      if (!(result instanceof EZThrottleError)) return result;
      // Refused only now: how the call itself went says more.
      if (result instanceof CircuitOpenError) throw last ?? result;
      last = result;
      const delay = retryDelay(result, call.isRepeatable ?? true, retries, retry, runtime);
      if (delay === null) throw result;
      await sleep(runtime, delay, call.signal);
    }
  }

  /**
   * The text of an event stream as it arrives, until it ends. Tried once, straight, past the circuit:
   * whoever reads it comes back by himself.
   */
  async *stream(call: ApiCall): AsyncGenerator<string, void, undefined> {
    const { runtime, timeoutMs, proxyUrl, running } = this.#options;
    if (proxyUrl !== null) {
      throw new EZThrottleError('The proxy passes no streams on', { code: 'not_supported' });
    }
    const run = running.begin(call.signal);
    const headers = { ...call.headers, Accept: EVENT_STREAM };
    const sent = this.#named({ ...call, headers }, run.signal);
    const deadline = startDeadline(runtime, timeoutMs, sent.signal);
    try {
      const response = await this.#fetch(sent, deadline.signal);
      const type = response.headers.get('content-type') ?? '';
      if (response.status === 204) return;
      if (response.status !== 200 || !type.startsWith(EVENT_STREAM)) {
        throw this.#refusal(await readAnswer(response), sent);
      }
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      for (;;) {
        deadline.restart(STREAM_IDLE_MS);
        const chunk = await reader?.read();
        // Time that the reader takes is not the server's.
        deadline.restart(Number.POSITIVE_INFINITY);
        if (chunk?.value === undefined) return;
        yield decoder.decode(chunk.value, { stream: true });
      }
    } catch (error) {
      throw this.#failure(error, sent, deadline);
    } finally {
      deadline.clear();
      deadline.abort();
      run.end();
    }
  }

  #named(call: ApiCall, signal: AbortSignal): SentCall {
    return { ...call, id: this.#options.runtime.createId(), signal };
  }

  async #tryUnlessOpen(call: SentCall): Promise<Answer | EZThrottleError> {
    const { circuit: policy, runtime } = this.#options;
    if (policy === null) return this.#try(call);
    const ticket = (this.#tickets += 1);
    const admission = admit(this.#circuit, runtime.monotonic(), ticket, policy);
    this.#circuit = admission.circuit;
    if (admission.ticket === null) {
      const retryAt = runtime.now() + admission.until - runtime.monotonic();
      return new CircuitOpenError({ requestId: call.id, retryAt });
    }
    let outcome: CallOutcome = 'unknown';
    try {
      const result = await this.#try(call);
      outcome = isServerDown(result) ? 'failure' : 'success';
      return result;
    } finally {
      this.#circuit = settle(this.#circuit, ticket, outcome, runtime.monotonic(), policy);
    }
  }

  /** One try. A failure that may pass is returned, not thrown; the caller's abort is thrown. */
  async #try(call: SentCall): Promise<Answer | EZThrottleError> {
    const { apiKey, runtime, timeoutMs, proxyUrl } = this.#options;
    if (call.signal.aborted) throw abortReason(call.signal);
    const deadline = startDeadline(runtime, timeoutMs, call.signal);
    try {
      const outer = await readAnswer(await this.#fetch(call, deadline.signal));
      const answer = proxyUrl === null ? outer : openEnvelope(outer, call.id, apiKey);
      const isSuccess = answer.status >= 200 && answer.status < 300;
      if (!isSuccess) return this.#refusal(answer, call);
      if (answer.json !== undefined) return answer;
      return new EZThrottleError('The answer is not JSON: is this an EZThrottle server?', {
        code: 'unexpected_answer',
        status: answer.status,
        requestId: call.id,
      });
    } catch (error) {
      const failure = this.#failure(error, call, deadline);
      if (failure instanceof EZThrottleError && !call.signal.aborted) return failure;
      throw failure;
    } finally {
      deadline.clear();
    }
  }

  #refusal(answer: Answer, { id }: SentCall): EZThrottleError {
    const { apiKey, runtime } = this.#options;
    const text = withoutKey(answer.text, apiKey);
    return answerError({ ...answer, text, json: parseJson(text) }, runtime.now(), id);
  }

  #failure(error: unknown, { signal, id: requestId }: SentCall, deadline: Deadline): Error {
    if (signal.aborted) return abortReason(signal);
    if (error instanceof EZThrottleError) return error;
    if (deadline.isOver()) {
      const message = `The server did not answer within ${deadline.limitMs()} ms`;
      return new TimeoutError(message, { requestId });
    }
    const message = `The server could not be reached: ${errorText(error)}`;
    return new NetworkError(message, { cause: error, requestId });
  }

  async #fetch(call: SentCall, signal: AbortSignal): Promise<Response> {
    const { baseUrl, proxyUrl, apiKey, runtime } = this.#options;
    const url = `${baseUrl}${call.path}`;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers: Record<string, string> = {
      Authorization: `Bearer ${apiKey}`,
      Accept: 'application/json',
      'User-Agent': userAgent(),
      'X-Request-Id': call.id,
      ...call.headers,
    };
    if (body !== undefined || proxyUrl !== null) headers['Content-Type'] = 'application/json';
    // A redirect would take the key elsewhere, or turn a submit into a GET.
    const common = { headers, signal, redirect: 'manual' } as const;
    if (proxyUrl === null) {
      const init = { ...common, method: call.method, ...(body === undefined ? {} : { body }) };
      return runtime.fetch(url, init);
    }
    const envelope = JSON.stringify(sealEnvelope(url, call.method, body));
    const init = { ...common, method: 'POST', body: envelope };
    return runtime.fetch(`${proxyUrl}/api/v1/proxy`, init);
  }
}

const EVENT_STREAM = 'text/event-stream';

/** What counts against the circuit: no answer, or a server that fails. A refusal is an answer. */
function isServerDown({ status }: { readonly status: number | null }): boolean {
  return status === null || status >= 500;
}

async function readAnswer(response: Response): Promise<Answer> {
  const { text, truncated } = await readBody(response, MAX_ANSWER_BYTES);
  const { status, headers } = response;
  return { status, headers, text, json: truncated ? undefined : parseJson(text) };
}

/** `fetch` says only "fetch failed"; what happened is in the cause. */
