import type { IncomingHttpHeaders } from 'node:http';
import {
  type AttemptCall,
  type AttemptReport,
  type Clock,
  EGRESS_ERRORS,
  type Outcome,
  type StoredResponse,
} from '@ezthrottle/engine';
import type { Dispatcher } from 'undici';
import { EgressError } from '../net/egress.ts';
import { notMade } from './guarded-executor.ts';
import { outcomeOfError } from './network-error.ts';
import { type Prepared, prepareRequest } from './outbound-request.ts';
import { type BodyEvents, ResponseBody } from './response-body.ts';
import { storedText } from './stored-text.ts';

/** What all calls of one way out share. */
export interface OutboundCallOptions {
  readonly clock: Clock;
  readonly userAgent: string;
  /** Called when the call of this token goes out, with its connection open. */
  readonly sent: (token: string) => void;
  /** Whether the way out owes an answer before a call to this origin can go out. Absent: it never does. */
  readonly isWayOutAsked?: ((origin: string) => boolean) | undefined;
  /** Called once, when the call is over for whatever reason. */
  readonly report: (call: OutboundCall, report: AttemptReport) => void;
}

const MOST_INTERIM_ANSWERS = 100;

/**
 * One call from its start to its report, as undici's handler. undici's own `request()` wraps the
 * same callbacks into a promise, a stream and an abort signal; we need none of the three.
 */
export class OutboundCall implements Dispatcher.DispatchHandler, BodyEvents {
  readonly #call: AttemptCall;
  readonly #options: OutboundCallOptions;
  readonly #startedAt: number;
  #controller: Dispatcher.DispatchController | null = null;
  #cancelTimer: (() => void) | null = null;
  #isOver = false;
  #interimAnswers = 0;
  #status = 0;
  #headers: Readonly<Record<string, string>> = {};
  #body: ResponseBody | null = null;

  constructor(call: AttemptCall, options: OutboundCallOptions) {
    this.#call = call;
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  start(dispatcher: Dispatcher): void {
    const prepared = this.#prepared();
    if (!prepared.ok) {
      this.#settle(prepared.refused, null);
      return;
    }
    // One timer over everything, connecting included. undici's own two would bound only parts.
    const { timeoutMs } = this.#call;
    this.#cancelTimer = this.#options.clock.after(timeoutMs, () => {
      this.#stop(this.#lateOutcome());
    });
    try {
      dispatcher.dispatch({ ...prepared.request, headersTimeout: 0, bodyTimeout: 0 }, this);
    } catch (error) {
      this.#settle(outcomeOfError(error), null);
    }
  }

  #prepared(): Prepared {
    try {
      return prepareRequest(this.#call, this.#options.userAgent);
    } catch (error) {
      return { ok: false, refused: notMade(error) };
    }
  }

  abort(): void {
    this.#stop({ kind: 'aborted' });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It may have been stopped while it waited for its connection: then nothing goes out.
    if (this.#isOver) {
      controller.abort(new CallOver());
      return;
    }
    this.#controller = controller;
    this.#options.sent(this.#call.token);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (this.#isOver) return;
    if (status < 200) {
      this.#interimAnswer();
      return;
    }
    this.#status = status;
    this.#headers = joinedHeaders(headers);
    const { maxResponseBytes } = this.#call;
    this.#body = new ResponseBody(maxResponseBytes, this.#headers['content-encoding'], this);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver) this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    // From here on the socket may carry another call: it is no longer ours to pause or abort.
    this.#controller = null;
    this.#body?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#isOver) this.#settle(outcomeOfError(error), null);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** The body is complete, or as much of it as is kept. */
  done(bytes: Buffer, isCut: boolean, isDecoded: boolean): void {
    const controller = this.#controller;
    const headers = isDecoded ? decodedHeaders(this.#headers) : this.#headers;
    const response: StoredResponse = {
      status: this.#status,
      headers,
      ...storedText(bytes, isCut),
      truncated: isCut,
    };
    this.#settle({ kind: 'response', status: this.#status, headers }, response);
    if (isCut) controller?.abort(new CallOver());
  }

  /** The target has nothing to do with a call that has waited for the way out, and never went out. */
  #lateOutcome(): Outcome {
    const { timeoutMs, url } = this.#call;
    const isWaiting = this.#controller === null && this.#status === 0;
    if (isWaiting && this.#options.isWayOutAsked?.(new URL(url).origin) === true) {
      const reason = `its proxy has not answered within ${timeoutMs} ms`;
      return outcomeOfError(new EgressError(EGRESS_ERRORS.failed, reason));
    }
    return { kind: 'timeout', message: `no complete answer within ${timeoutMs} ms` };
  }

  /** A target may announce its answer as often as this, not for as long as the call may take. */
  #interimAnswer(): void {
    this.#interimAnswers += 1;
    if (this.#interimAnswers <= MOST_INTERIM_ANSWERS) return;
    const message = `the target sent more than ${MOST_INTERIM_ANSWERS} interim answers`;
    this.#stop({ kind: 'network_error', code: 'bad_response', message });
  }

  #stop(outcome: Outcome): void {
    if (this.#isOver) return;
    const controller = this.#controller;
    this.#settle(outcome, null);
    controller?.abort(new CallOver());
  }

  #settle(outcome: Outcome, response: StoredResponse | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller = null;
    this.#cancelTimer?.();
    this.#body?.discard();
    this.#options.report(this, {
      token: this.#call.token,
      outcome,
      response,
      startedAt: this.#startedAt,
      endedAt: this.#options.clock.now(),
    });
  }
}

/** Tells undici to drop a request whose outcome has been reported already. */
class CallOver extends Error {
  override readonly name = 'CallOver';
  readonly code = 'call_over';
}

function joinedHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  if (areJoined(headers)) return headers;
  const joined: [string, string][] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined) continue;
    joined.push([name.toLowerCase(), typeof value === 'string' ? value : value.join(', ')]);
  }
  // From entries, not by assignment: `__proto__` is a name that a header may have.
  return Object.fromEntries(joined);
}

/** Whether each came once, in lower case, as nearly all do: then they can be taken as they are. */
function areJoined(headers: IncomingHttpHeaders): headers is Record<string, string> {
  return Object.keys(headers).every(
    (name) => typeof headers[name] === 'string' && name === name.toLowerCase(),
  );
}

/** A decoded body no longer has the encoding and the length that the target stated. */
function decodedHeaders(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { 'content-encoding': _encoding, 'content-length': _length, ...others } = headers;
  return others;
}
