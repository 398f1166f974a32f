import { LIMITS } from '../protocol/limits.ts';
import { CircuitOpenError, EZThrottleError, NetworkError, TimeoutError } from '../errors.ts';
import { errorText } from './error-text.ts';
import { answerError, type Answer } from './answer-error.ts';
import { admit, settle, type CallOutcome, type CircuitPolicy } from './circuit-breaker.ts';
import { startDeadline, type Deadline } from './deadline.ts';
import { parseJson } from './json.ts';
import { readBody } from './read-body.ts';
import { retryDelay, type RetryPolicy } from './retry.ts';
import type { Running } from './running.ts';
import type { SharedCircuit } from './shared-circuit.ts';
import { abortReason, sleep, type Runtime } from './runtime.ts';
import { userAgent } from './user-agent.ts';

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Begins with `/api/`. */
  readonly path: string;
  readonly body?: unknown;
  /** The body, where it is written as JSON already. */
  readonly text?: string;
  /** Doing it twice is as good as once. Default true. */
  readonly isRepeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Time allowed to one try, in milliseconds. Default: the transport's. */
  readonly timeoutMs?: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What goes over the wire. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly body: string | undefined;
}

/** Another way to the server than straight. */
export interface Detour {
  /** Whoever is on it, without a slash at its end. */
  readonly url: string;
  /** The request that takes this one there. */
  wrap(request: HttpRequest): HttpRequest;
  /** The server's answer inside; throws an `EZThrottleError` when the request was not let through. */
  open(answer: Answer, requestId: string): Answer;
}

export interface TransportOptions {
  readonly apiKey: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** Null: straight. */
  readonly detour: Detour | null;
  /** Time allowed to one try, in milliseconds. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** Null: calls go out however many have failed. */
  readonly circuit: { readonly policy: CircuitPolicy; readonly shared: SharedCircuit } | null;
  readonly running: Running;
  readonly runtime: Runtime;
}

/** A call with its own id, and aborted when the client is closed, too. */
export type SentCall = ApiCall & { readonly id: string; readonly signal: AbortSignal };

/** Room for a page of jobs, each with a stored response. */
const MAX_ANSWER_BYTES = 64 * LIMITS.requestBytes;

/** Asks the server and gives its parsed answer; throws an `EZThrottleError` for anything but 2xx. */
export class Transport {
  readonly options: TransportOptions;

  constructor(options: TransportOptions) {
    this.options = options;
  }

  async send(call: ApiCall): Promise<unknown> {
    const run = this.options.running.begin(call.signal);
    try {
      return (await this.#sendUntilDone(this.named(call, run.signal))).json;
    } finally {
      run.end();
    }
  }

  async #sendUntilDone(call: SentCall): Promise<Answer> {
    const { retry, runtime } = this.options;
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

  /** The call under an id of its own. */
  named(call: ApiCall, signal: AbortSignal): SentCall {
    return { ...call, id: this.options.runtime.createId(), signal };
  }

  async #tryUnlessOpen(call: SentCall): Promise<Answer | EZThrottleError> {
    const { circuit, runtime } = this.options;
    if (circuit === null) return this.#try(call);
    const { policy, shared } = circuit;
    const ticket = (shared.tickets += 1);
    const admission = admit(shared.circuit, runtime.monotonic(), ticket, policy);
    shared.circuit = admission.circuit;
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
      shared.circuit = settle(shared.circuit, ticket, outcome, runtime.monotonic(), policy);
    }
  }

  /** One try. A failure that may pass is returned, not thrown; the caller's abort is thrown. */
  async #try(call: SentCall): Promise<Answer | EZThrottleError> {
    const { detour } = this.options;
    if (call.signal.aborted) throw abortReason(call.signal);
    const deadline = this.startDeadline(call);
    try {
      const outer = await readAnswer(await this.fetch(call, deadline.signal));
      const answer = detour === null ? outer : detour.open(outer, call.id);
      const isSuccess = answer.status >= 200 && answer.status < 300;
      if (!isSuccess) return this.refusal(answer, call);
      if (answer.json !== undefined) return answer;
      return new EZThrottleError('The answer is not JSON: is this an EZThrottle server?', {
        code: 'unexpected_answer',
        status: answer.status,
        requestId: call.id,
      });
    } catch (error) {
      const failure = this.failure(error, call, deadline);
      if (failure instanceof EZThrottleError && !call.signal.aborted) return failure;
      throw failure;
    } finally {
      deadline.clear();
    }
  }

  /** Time for one try of the call. */
  startDeadline({ timeoutMs = this.options.timeoutMs, signal }: SentCall): Deadline {
    return startDeadline(this.options.runtime, timeoutMs, signal);
  }

  /** The error that an answer other than 2xx stands for. */
  refusal(answer: Answer, { id }: SentCall): EZThrottleError {
    const { apiKey, runtime } = this.options;
    // Written anew: JSON can escape any character, so the server's own spelling may hide the key.
    const written = answer.json === undefined ? answer.text : JSON.stringify(answer.json);
    const text = withoutKey(written, apiKey);
    return answerError({ ...answer, text, json: parseJson(text) }, runtime.now(), id);
  }

  /** What was thrown under way, as an error of ours; the caller's abort as it is. */
  failure(error: unknown, { signal, id: requestId }: SentCall, deadline: Deadline): Error {
    if (signal.aborted) return abortReason(signal);
    if (error instanceof EZThrottleError) return error;
    if (deadline.isOver()) {
      const message = `The server did not answer within ${deadline.limitMs()} ms`;
      return new TimeoutError(message, { requestId });
    }
    const message = `The server could not be reached: ${errorText(error)}`;
    return new NetworkError(message, { cause: error, requestId });
  }

  async fetch(call: SentCall, signal: AbortSignal): Promise<Response> {
    const { baseUrl, detour, apiKey, runtime } = this.options;
    const straight: HttpRequest = {
      method: call.method,
      url: baseUrl + call.path,
      body: call.text ?? (call.body === undefined ? undefined : JSON.stringify(call.body)),
    };
    const { url, method, body } = detour === null ? straight : detour.wrap(straight);
    const headers: Record<string, string> = {
      Authorization: `Bearer ${apiKey}`,
      Accept: 'application/json',
      'User-Agent': userAgent(),
      'X-Request-Id': call.id,
      ...call.headers,
    };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    // A redirect would take the key elsewhere, or turn a submit into a GET.
    const init = { method, headers, signal, redirect: 'manual' } as const;
    return runtime.fetch(url, body === undefined ? init : { ...init, body });
  }
}

/** What counts against the circuit: no answer, or a server that fails. A refusal is an answer. */
function isServerDown({ status }: { readonly status: number | null }): boolean {
  return status === null || status >= 500;
}

/** The answer with its body read. */
export async function readAnswer(response: Response): Promise<Answer> {
  const { text, truncated } = await readBody(response, MAX_ANSWER_BYTES);
  const { status, headers } = response;
  return { status, headers, text, json: truncated ? undefined : parseJson(text) };
}

/** A server that repeats what it was sent must not bring the key into an error. */
export function withoutKey(text: string, apiKey: string): string {
  const escaped = JSON.stringify(apiKey).slice(1, -1);
  return text.replaceAll(escaped, '***').replaceAll(apiKey, '***');
}
