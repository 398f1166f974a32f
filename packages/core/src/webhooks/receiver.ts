import { isPending, type Awaitable } from '../awaitable.ts';
import type { Delivery } from '../protocol/decode-delivery.ts';
import { readInTime } from './body-in-time.ts';
import { decodeBody, dedupeId, withoutContinuation } from './delivery-body.ts';
import type {
  BodyHandler,
  DeliveryEvent,
  DeliveryHandler,
  HandlerOptions,
  Unsubscribe,
} from './delivery-handler.ts';
import { DeliveryWaiters, type AwaitedJob, type WaitForOptions } from './delivery-waiters.ts';
import { DeliveryWork } from './delivery-work.ts';
import { BodyTooLargeError, BodyUnreadableError, SecretsTimeoutError } from './errors.ts';
import { checkedEntry, plainEntry, type HandlerEntry } from './handler-entry.ts';
import { HandlerRegistry, type HandlerKind } from './handler-registry.ts';
import { HandlingTime } from './handling-time.ts';
import { inTime } from './in-time.ts';
import type { ReceiverAnswer } from './receiver-answer.ts';
import { settleOptions, type ReceiverOptions, type ReceiverSettings } from './receiver-options.ts';
import { ReceiverReports } from './receiver-reports.ts';
import type { BodyReader, ReceiverHost, ReceiverRequest } from './receiver-request.ts';
import { unavailable } from './refusals.ts';
import { readRequestBody } from './request-body.ts';
import { checkSender, type SenderCheck } from './schemes/check-sender.ts';
import { secretsOnce } from './webhook-verifier.ts';

/** The user's side of a webhook: verify, deduplicate, dispatch, acknowledge. */
export interface Receiver {
  /** The door for adapters. Never rejects: whatever happens, there is an answer. */
  receive(request: ReceiverRequest): Promise<ReceiverAnswer>;
  /**
   * The same for hosts that speak `Request` and `Response`: Hono, Next, Bun, Deno, Workers.
   *
   * @param context - Handed to functions that give secrets or keys, and to the handlers.
   * @param host - Where work ends with its request: a Worker's execution context, so that a handler that
   *   is too late, or whose sender has hung up, still ends and gives its claim back.
   */
  handle(request: Request, context?: unknown, host?: ReceiverHost): Promise<Response>;
  /** Runs the handler for every job that succeeded, that failed, or whose sender calls it so. */
  on(event: DeliveryEvent, handler: DeliveryHandler): Unsubscribe;
  on<Body>(
    event: DeliveryEvent,
    options: HandlerOptions<Body>,
    handler: BodyHandler<Body>,
  ): Unsubscribe;
  /** Runs the handler for the job with this `idempotent_key`, however it ended. */
  onKey(key: string, handler: DeliveryHandler): Unsubscribe;
  onKey<Body>(key: string, options: HandlerOptions<Body>, handler: BodyHandler<Body>): Unsubscribe;
  /** Runs the handler for every job with this tag, however it ended. */
  onTag(tag: string, handler: DeliveryHandler): Unsubscribe;
  onTag<Body>(tag: string, options: HandlerOptions<Body>, handler: BodyHandler<Body>): Unsubscribe;
  /** Runs the handler for every delivery. */
  onAny(handler: DeliveryHandler): Unsubscribe;
  onAny<Body>(options: HandlerOptions<Body>, handler: BodyHandler<Body>): Unsubscribe;
  /**
   * The next genuine delivery of a job, by its id or its key, that comes to this process, handled
   * before or not, and whatever its handlers do. One that came before the call is not remembered: wait
   * by a key of your own, from before the job is submitted on. Where several processes receive, it may
   * come to another one; `client.wait` asks the server instead.
   *
   * @throws {DeliveryTimeoutError} when none comes in time.
   * @throws {TooManyWaitersError} when `maxWaiters` wait already.
   * @throws {ReceiverClosedError} when the receiver is closed.
   */
  waitFor(job: AwaitedJob, options?: WaitForOptions): Promise<Delivery>;
  /** Takes nothing more (503), and waits until what runs is answered, which the time limits bound. */
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

/** A handler alone, or what it needs before it. */
type HandlerArguments<Body> =
  | readonly [handler: DeliveryHandler]
  | readonly [options: HandlerOptions<Body>, handler: BodyHandler<Body>];

class WebhookReceiver implements Receiver {
  readonly #options: ReceiverOptions;
  readonly #settings: ReceiverSettings;
  readonly #handlers = new HandlerRegistry();
  readonly #waiters: DeliveryWaiters;
  readonly #reports: ReceiverReports;
  readonly #work: DeliveryWork;
  /** Requests that wait for something. */
  #underWay = 0;
  #onIdle: () => void = () => {};
  #isClosed = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    const settings = settleOptions(options);
    const handlers = this.#handlers;
    const reports = new ReceiverReports(options);
    this.#settings = settings;
    this.#waiters = new DeliveryWaiters(settings);
    this.#reports = reports;
    this.#work = new DeliveryWork({ options, settings, handlers, reports });
    const { success, failed, any } = options.on ?? {};
    if (success !== undefined) this.on('success', success);
    if (failed !== undefined) this.on('failed', failed);
    if (any !== undefined) this.onAny(any);
  }

  on<Body>(event: DeliveryEvent, ...handler: HandlerArguments<Body>): Unsubscribe {
    return this.#add('event', event, handler);
  }

  onKey<Body>(key: string, ...handler: HandlerArguments<Body>): Unsubscribe {
    return this.#add('key', key, handler);
  }

  onTag<Body>(tag: string, ...handler: HandlerArguments<Body>): Unsubscribe {
    return this.#add('tag', tag, handler);
  }

  onAny<Body>(...handler: HandlerArguments<Body>): Unsubscribe {
    return this.#add('any', '', handler);
  }

  waitFor(job: AwaitedJob, options?: WaitForOptions): Promise<Delivery> {
    return this.#waiters.wait(job, options);
  }

  async handle(request: Request, context?: unknown, host?: ReceiverHost): Promise<Response> {
    const { status, headers, body } = await this.receive({
      method: request.method,
      header: (name) => request.headers.get(name),
      body: (limitBytes) => readRequestBody(request, limitBytes),
      context,
      ...(host === undefined ? {} : { waitUntil: (work) => host.waitUntil(work) }),
    });
    return new Response(body, { status, headers });
  }

  receive(request: ReceiverRequest): Promise<ReceiverAnswer> {
    try {
      const refusal = this.#refuseUnseen(request);
      if (refusal !== null) return Promise.resolve(refusal);
      if (typeof request.body === 'function') return this.#takeRead(request.body, request);
      const answer = this.#takeWhole(request.body, request);
      return isPending(answer) ? this.#wait(answer) : Promise.resolve(answer);
    } catch (error) {
      return Promise.resolve(this.#reports.fail(error, null));
    }
  }

  async #wait(answer: PromiseLike<ReceiverAnswer>): Promise<ReceiverAnswer> {
    this.#underWay += 1;
    try {
      return await answer;
    } catch (error) {
      return this.#reports.fail(error, null);
    } finally {
      this.#isThrough();
    }
  }

  #isThrough(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onIdle();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#underWay > 0) await this.#idle();
    this.#waiters.close();
  }

  /** Nothing is under way: nothing more begins once it is closed. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#onIdle;
      this.#onIdle = () => {
        before();
        resolve();
      };
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #add<Body>(kind: HandlerKind, name: string, handler: HandlerArguments<Body>): Unsubscribe {
    return this.#handlers.add(kind, name, entryOf(handler));
  }

  #refuseUnseen({ method }: ReceiverRequest): ReceiverAnswer | null {
    const reports = this.#reports;
    if (this.#isClosed) return reports.refuse(unavailable('The receiver is closed.'));
    if (method === 'POST' || method.toUpperCase() === 'POST') return null;
    const message = 'Webhooks come by POST.';
    return reports.refuse({ code: 'method_not_allowed', message, headers: { allow: 'POST' } });
  }

  /** One promise for the body, its time and what follows: with many deliveries each one more is felt. */
  #takeRead(body: BodyReader, request: ReceiverRequest): Promise<ReceiverAnswer> {
    this.#underWay += 1;
    return new Promise((resolve) => {
      const end = (answer: Awaitable<ReceiverAnswer>): void => {
        resolve(isPending(answer) ? this.#wait(answer) : answer);
        this.#isThrough();
      };
      readInTime(body, this.#settings, {
        onBody: (bytes) => end(this.#takeSafely(bytes, request)),
        onError: (error) => end(this.#refuseUnread(error)),
      });
    });
  }

  #takeSafely(body: Uint8Array | null, request: ReceiverRequest): Awaitable<ReceiverAnswer> {
    try {
      return this.#takeWhole(body, request);
    } catch (error) {
      return this.#reports.fail(error, null);
    }
  }

  #takeWhole(body: Uint8Array | null, request: ReceiverRequest): Awaitable<ReceiverAnswer> {
    const { maxBodyBytes } = this.#settings;
    if (body !== null && body.byteLength > maxBodyBytes) {
      return this.#refuseUnread(new BodyTooLargeError(maxBodyBytes));
    }
    const time = new HandlingTime(this.#settings, request.signal);
    let answer: Awaitable<ReceiverAnswer> | undefined;
    try {
      answer = this.#take(body ?? new Uint8Array(), request, time);
      return isPending(answer) ? endWith(answer, time) : answer;
    } finally {
      if (!isPending(answer)) time.end();
    }
  }

  #take(body: Uint8Array, request: ReceiverRequest, time: HandlingTime): Awaitable<ReceiverAnswer> {
    let sender: Awaitable<SenderCheck>;
    try {
      sender = this.#checkSender(body, request);
    } catch (error) {
      return this.#reports.fail(error, null);
    }
    if (!isPending(sender)) return this.#takeFrom(sender, body, request, time);
    time.start();
    return sender.then(
      (found) => this.#takeFrom(found, body, request, time),
      (error: unknown) => this.#reports.fail(error, null),
    );
  }

  #takeFrom(
    sender: SenderCheck,
    body: Uint8Array,
    request: ReceiverRequest,
    time: HandlingTime,
  ): Awaitable<ReceiverAnswer> {
    const reports = this.#reports;
    if (!sender.verified) {
      const mistake = request.mistake?.();
      if (mistake !== undefined) return reports.fail(mistake, null);
      const message = `Webhook signature verification failed: ${sender.reason}`;
      return reports.refuse({ code: 'unauthorized', message });
    }
    const decoded = decodeBody(body);
    if ('refusal' in decoded) return reports.refuse(decoded.refusal);
    const { delivery } = decoded;
    const id = dedupeId(delivery, this.#isIdSigned() ? sender.signedId : null);
    const isAwaited = this.#waiters.tell(withoutContinuation(delivery));
    return this.#work.once({ delivery, id, isAwaited, time, request });
  }

  /** With another way in, the id of the one could be left out. */
  #isIdSigned(): boolean {
    const { schemes, allowUnsigned } = this.#settings;
    return schemes.length === 1 && !allowUnsigned;
  }

  #checkSender(body: Uint8Array, request: ReceiverRequest): Awaitable<SenderCheck> {
    const { schemes, allowUnsigned, toleranceSeconds, now, after } = this.#settings;
    const { storeTimeoutMs: timeoutMs } = this.#settings;
    const { context } = request;
    const secrets = secretsOnce(this.#options.secrets, context);
    const header = (name: string): string | null | undefined => request.header(name);
    const message = { body, header, context, secrets, toleranceSeconds, now };
    const check = checkSender(message, schemes, allowUnsigned);
    if (!isPending(check)) return check;
    const tooLate = (): Error => new SecretsTimeoutError(timeoutMs);
    return inTime(check, { after, timeoutMs, tooLate });
  }

  #refuseUnread(error: unknown): ReceiverAnswer {
    if (error instanceof BodyTooLargeError) {
      return this.#reports.refuse({ code: 'payload_too_large', message: error.message });
    }
    if (error instanceof BodyUnreadableError) {
      return this.#reports.refuse({ code: 'validation_failed', message: error.message });
    }
    return this.#reports.fail(error, null);
  }
}

async function endWith(
  answer: PromiseLike<ReceiverAnswer>,
  time: HandlingTime,
): Promise<ReceiverAnswer> {
  try {
    return await answer;
  } finally {
    time.end();
  }
}

function entryOf<Body>(handler: HandlerArguments<Body>): HandlerEntry {
  return handler.length === 1 ? plainEntry(handler[0]) : checkedEntry(...handler);
}
