import type { Delivery } from '../protocol/decode-delivery.ts';
import { HEADERS } from '../protocol/headers.ts';
import type { EZThrottleError } from '../errors.ts';
import { tellUser } from '../tell-user.ts';
import type { WorkClaim } from './continuation-runner.ts';
import { decodeBody, dedupeId, hasContinuation, withoutContinuation } from './delivery-body.ts';
import {
  BodyTooLargeError,
  BodyUnreadableError,
  HandlerTimeoutError,
  ReceiveAbortedError,
  WorkInFlightError,
} from './errors.ts';
import { HandlerRegistry, type DeliveryHandler, type Unsubscribe } from './handler-registry.ts';
import { accepted, refused, type ReceiverAnswer, type Refusal } from './receiver-answer.ts';
import { settleOptions, type ReceiverOptions, type ReceiverSettings } from './receiver-options.ts';
import { readRequestBody } from './request-body.ts';
import { createWebhookVerifier, type WebhookVerifier } from './webhook-verifier.ts';
import { claimWork } from './work-claim.ts';

/** A request as any framework can give it. */
export interface ReceiverRequest {
  readonly method: string;
  /** Value of a header, whatever the case of its name. */
  header(name: string): string | null | undefined;
  /** The raw body, or how to get it: then nothing is read from a request that is refused before. */
  readonly body: Uint8Array | null | BodyReader;
  /** Aborts the handlers. A sender that hangs up is no reason to: it will ask again. */
  readonly signal?: AbortSignal;
  /** Handed to a `secrets` function and to the handlers. */
  readonly context?: unknown;
}

/** Reads the raw body; rejects with `BodyTooLargeError` instead of reading more than the limit. */
export type BodyReader = (limitBytes: number) => Promise<Uint8Array | null>;

/** The user's side of a webhook: verify, deduplicate, dispatch, acknowledge. */
export interface Receiver {
  /** The door for adapters. Never rejects: whatever happens, there is an answer. */
  receive(request: ReceiverRequest): Promise<ReceiverAnswer>;
  /** The same for hosts that speak `Request` and `Response`: Hono, Next, Bun, Deno, Workers. */
  handle(request: Request, context?: unknown): Promise<Response>;
  /** Runs the handler for every job that succeeded, or for every one that failed. */
  on(status: Delivery['status'], handler: DeliveryHandler): Unsubscribe;
  /** Runs the handler for the job with this `idempotent_key`, however it ended. */
  onKey(key: string, handler: DeliveryHandler): Unsubscribe;
  /** Runs the handler for every job with this tag, however it ended. */
  onTag(tag: string, handler: DeliveryHandler): Unsubscribe;
  /** Runs the handler for every delivery. */
  onAny(handler: DeliveryHandler): Unsubscribe;
  /** Takes nothing more (503), and waits until what runs is answered. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes the receiver of this application's webhooks. What it promises stands in `spec/webhooks.md`.
 *
 * @throws {ReceiverConfigurationError} with every problem of the options.
 * @example
 * const receiver = createReceiver({ secrets: process.env.WEBHOOK_SECRET });
 * receiver.on('success', async (delivery) => { await markPaid(delivery.idempotentKey); });
 * export default { fetch: (request) => receiver.handle(request) };
 */
export function createReceiver(options: ReceiverOptions): Receiver {
  return new WebhookReceiver(options);
}

/** Adapters take either a receiver or the options for one. */
export function toReceiver(receiverOrOptions: Receiver | ReceiverOptions): Receiver {
  return 'receive' in receiverOrOptions ? receiverOrOptions : createReceiver(receiverOrOptions);
}

/** How one delivery is being handled. */
interface Handling {
  readonly request: ReceiverRequest;
  readonly signal: AbortSignal;
  readonly remainingMs: () => number;
}

const RETRY_SOON = { 'retry-after': '5' };

class WebhookReceiver implements Receiver {
  readonly #options: ReceiverOptions;
  readonly #settings: ReceiverSettings;
  readonly #verifier: WebhookVerifier;
  readonly #handlers = new HandlerRegistry();
  readonly #answering = new Set<Promise<ReceiverAnswer>>();
  #isClosed = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#settings = settleOptions(options);
    const { toleranceSeconds, now } = this.#settings;
    this.#verifier = createWebhookVerifier({ secrets: options.secrets, toleranceSeconds, now });
    const { success, failed, any } = options.on ?? {};
    if (success !== undefined) this.on('success', success);
    if (failed !== undefined) this.on('failed', failed);
    if (any !== undefined) this.onAny(any);
  }

  on(status: Delivery['status'], handler: DeliveryHandler): Unsubscribe {
    return this.#handlers.onStatus(status, handler);
  }

  onKey(key: string, handler: DeliveryHandler): Unsubscribe {
    return this.#handlers.onKey(key, handler);
  }

  onTag(tag: string, handler: DeliveryHandler): Unsubscribe {
    return this.#handlers.onTag(tag, handler);
  }

  onAny(handler: DeliveryHandler): Unsubscribe {
    return this.#handlers.onAny(handler);
  }

  async handle(request: Request, context?: unknown): Promise<Response> {
    const { status, headers, body } = await this.receive({
      method: request.method,
      header: (name) => request.headers.get(name),
      body: (limitBytes) => readRequestBody(request, limitBytes),
      context,
    });
    return new Response(body, { status, headers });
  }

  async receive(request: ReceiverRequest): Promise<ReceiverAnswer> {
    const answer = this.#receive(request);
    this.#answering.add(answer);
    try {
      return await answer;
    } finally {
      this.#answering.delete(answer);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#answering);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #receive(request: ReceiverRequest): Promise<ReceiverAnswer> {
    if (this.#isClosed) return this.#refuse(unavailable('The receiver is closed.'));
    if (request.method.toUpperCase() !== 'POST') {
      const message = 'Webhooks come by POST.';
      return this.#refuse({ code: 'method_not_allowed', message, headers: { allow: 'POST' } });
    }
    let body: Uint8Array;
    try {
      body = await this.#readBody(request);
      const signature = request.header(HEADERS.signature);
      const { verified, reason } = await this.#verifier.verify(body, signature, request.context);
      if (!verified) {
        const message = `Webhook signature verification failed: ${reason}`;
        return this.#refuse({ code: 'unauthorized', message });
      }
    } catch (error) {
      return this.#refuseUnread(error);
    }
    const decoded = decodeBody(body);
    return 'refusal' in decoded
      ? this.#refuse(decoded.refusal)
      : await this.#handleOnce(decoded.delivery, request);
  }

  async #readBody(request: ReceiverRequest): Promise<Uint8Array> {
    const { maxBodyBytes } = this.#settings;
    const body =
      typeof request.body === 'function' ? await request.body(maxBodyBytes) : request.body;
    if (body !== null && body.byteLength > maxBodyBytes) throw new BodyTooLargeError(maxBodyBytes);
    return body ?? new Uint8Array();
  }

  #refuseUnread(error: unknown): ReceiverAnswer {
    if (error instanceof BodyTooLargeError) {
      return this.#refuse({ code: 'payload_too_large', message: error.message });
    }
    if (error instanceof BodyUnreadableError) {
      return this.#refuse({ code: 'validation_failed', message: error.message });
    }
    return this.#fail(error, null);
  }

  async #handleOnce(delivery: Delivery, request: ReceiverRequest): Promise<ReceiverAnswer> {
    let claim: WorkClaim;
    try {
      claim = await this.#claim(dedupeId(delivery));
    } catch (error) {
      this.#report(error, delivery);
      return this.#refuse(unavailable('Whether this delivery was handled is not known now.'));
    }
    if (claim.state === 'done') return accepted('duplicate');
    if (claim.state === 'in_flight') return this.#refuse(inFlight());
    const controller = new AbortController();
    const handling = { request, signal: controller.signal, remainingMs: this.#countDown() };
    const work = this.#work(delivery, claim, handling);
    const first = await this.#untilTooLate(work, request.signal);
    if ('status' in first && 'body' in first) return first;
    controller.abort(first);
    this.#report(first, delivery);
    return this.#refuse(unavailable('The handlers did not end in time.'));
  }

  /** What is left of the time for handling from now on, in milliseconds. */
  #countDown(): () => number {
    const { now, handlerTimeoutMs } = this.#settings;
    const until = now() + handlerTimeoutMs;
    // The clock may be set meanwhile: never less than nothing, nor more than there was.
    return () => Math.min(handlerTimeoutMs, Math.max(0, until - now()));
  }

  /** Settles with the answer, or with the reason to wait for it no longer. */
  async #untilTooLate(
    work: Promise<ReceiverAnswer>,
    signal: AbortSignal | undefined,
  ): Promise<ReceiverAnswer | EZThrottleError> {
    const { after, handlerTimeoutMs } = this.#settings;
    let stop = (): void => {};
    const tooLate = new Promise<EZThrottleError>((resolve) => {
      const onAbort = (): void => resolve(new ReceiveAbortedError(signal?.reason));
      const onTimeout = (): void => resolve(new HandlerTimeoutError(handlerTimeoutMs));
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      const cancel = after(handlerTimeoutMs, onTimeout);
      stop = () => {
        cancel();
        signal?.removeEventListener('abort', onAbort);
      };
    });
    try {
      return await Promise.race([work, tooLate]);
    } finally {
      stop();
    }
  }

  /**
   * Runs to its end even when nobody waits any longer. Only then is the claim given back, so that a
   * slow handler and its repetition do not run at the same time; and it is not committed then, since a
   * handler that saw its signal may have returned early.
   */
  async #work(
    delivery: Delivery,
    claim: WorkClaim & { state: 'acquired' },
    handling: Handling,
  ): Promise<ReceiverAnswer> {
    const { signal } = handling;
    const failures = await this.#runAll(delivery, handling);
    if (failures.length === 0) {
      try {
        signal.throwIfAborted();
        await claim.commit();
        return accepted('received');
      } catch (error) {
        failures.push(error);
      }
    }
    await this.#release(claim, delivery);
    // The answer is out when it is aborted, and the abort itself was reported when it happened.
    const failed = failures.filter(
      (error) =>
        !(error instanceof WorkInFlightError) && !(signal.aborted && error === signal.reason),
    );
    for (const error of failed) this.#report(error, delivery);
    if (signal.aborted) return refused(inFlight());
    return this.#refuse(failed.length === 0 ? inFlight() : failedHere());
  }

  /** Everything that failed of what is to be done here; neither part waits for the other. */
  async #runAll(delivery: Delivery, handling: Handling): Promise<unknown[]> {
    const isShared = this.#options.continuations !== undefined && hasContinuation(delivery);
    const parts = await Promise.allSettled([
      isShared ? this.#handleApart(delivery, handling) : this.#handle(delivery, handling),
      this.#carryOn(delivery, handling),
    ]);
    return parts.flatMap((part): unknown[] => (part.status === 'rejected' ? [part.reason] : []));
  }

  async #carryOn(delivery: Delivery, { signal, remainingMs }: Handling): Promise<void> {
    await this.#options.continuations?.run(delivery, {
      signal,
      claim: (id) => this.#claim(`continuation:${id}`),
      remainingMs,
      report: (error) => this.#report(error, delivery),
    });
  }

  async #handle(delivery: Delivery, { request, signal }: Handling): Promise<void> {
    const { context } = request;
    await this.#handlers.dispatch(withoutContinuation(delivery), { signal, context });
  }

  /** Under a claim of the handlers' own: when only the continuation failed, they do not run again. */
  async #handleApart(delivery: Delivery, handling: Handling): Promise<void> {
    const id = `handlers:${dedupeId(delivery)}`;
    const claim = await this.#claim(id);
    if (claim.state === 'done') return;
    if (claim.state === 'in_flight') throw new WorkInFlightError(id);
    try {
      await this.#handle(delivery, handling);
      handling.signal.throwIfAborted();
      await claim.commit();
    } catch (error) {
      await this.#release(claim, delivery);
      throw error;
    }
  }

  async #release(claim: WorkClaim & { state: 'acquired' }, delivery: Delivery): Promise<void> {
    await claim.release().catch((failure: unknown) => this.#report(failure, delivery));
  }

  #claim(id: string): Promise<WorkClaim> {
    const { dedupe: store, leaseMs, dedupeTtlMs: ttlMs } = this.#settings;
    return claimWork(id, { store, leaseMs, ttlMs });
  }

  #fail(error: unknown, delivery: Delivery | null): ReceiverAnswer {
    this.#report(error, delivery);
    return this.#refuse(failedHere());
  }

  #refuse(refusal: Refusal): ReceiverAnswer {
    tellUser(() => this.#options.onRefused?.(refusal));
    return refused(refusal);
  }

  #report(error: unknown, delivery: Delivery | null): void {
    const report = this.#options.onError ?? reportToConsole;
    tellUser(() => report(error, { delivery }));
  }
}

function inFlight(): Refusal {
  const message = 'This delivery is being handled; send it again later.';
  return { code: 'conflict', message, headers: RETRY_SOON };
}

function failedHere(): Refusal {
  const message = 'The webhook could not be handled; send it again.';
  return { code: 'internal_error', message };
}

function unavailable(message: string): Refusal {
  return { code: 'unavailable', message, headers: RETRY_SOON };
}

function reportToConsole(error: unknown, about: { delivery: Delivery | null }): void {
  const job = about.delivery === null ? '' : ` of job ${about.delivery.jobId}`;
  console.error(`[ezthrottle] webhook${job} not handled:`, error);
}
