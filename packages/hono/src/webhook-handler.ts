import {
  answerMisconfigured,
  toReceiver,
  type DedupeStore,
  type Receiver,
  type ReceiverOptions,
  type WebhookSecrets,
} from '@ezthrottle/core/webhooks';
import type { Context, Env, Handler } from 'hono';
import type { StatusCode } from 'hono/utils/http-status';
import { readBody } from './read-body.ts';

/** The receiver's options; `secrets` may come from Hono's context, such as from `c.env`. */
export interface HonoReceiverOptions<E extends Env = Env> extends Omit<ReceiverOptions, 'secrets'> {
  /** Webhook secrets that are good now, the newest first; each has at least 16 characters. */
  readonly secrets?:
    | WebhookSecrets
    | ((context: Context<E>) => WebhookSecrets | Promise<WebhookSecrets>);
}

/** Options of a receiver that lives for one request: only a store outside it can remember anything. */
export interface HonoReceiverPerRequest extends ReceiverOptions {
  readonly dedupe: DedupeStore;
}

/** A receiver, the options for one, or how to get either for a request. */
export type HonoReceiverSource<E extends Env = Env> =
  | Receiver
  | HonoReceiverOptions<E>
  | ((context: Context<E>) => Receiver | HonoReceiverPerRequest);

/**
 * Receives EZThrottle's webhooks on a Hono route. Hono's context is the handlers' `context`. Where the
 * environment exists per request only (Workers), give `secrets` as a function, or the whole receiver.
 *
 * @throws {ReceiverConfigurationError} when it is given options that cannot work.
 * @example
 * app.all('/webhooks', ezthrottle({ secrets: (c) => c.env.WEBHOOK_SECRET, on: { success: ship } }));
 */
export function ezthrottle<E extends Env = Env>(source: HonoReceiverSource<E>): Handler<E> {
  const receiverFor = receiverOf(source);
  const keepRunning = workKeeper();
  return async (context) => {
    let doubt: Error | undefined;
    const onDoubt = (mistake: Error): void => {
      doubt = mistake;
    };
    const answer = await receiverFor(context).receive({
      method: context.req.method,
      header: (name) => context.req.header(name),
      body: (limitBytes) => readBody(context, limitBytes, onDoubt),
      mistake: () => doubt,
      waitUntil: (work) => keepRunning(context, work),
      context,
    });
    const { status, headers, body } = answer;
    if (!isStatus(status)) throw new RangeError(`${status} is no status of an answer`);
    // A middleware may have set headers already: Hono adds them to what it makes itself.
    return context.newResponse(body, status, headers);
  };
}

function isStatus(status: number): status is StatusCode {
  return status >= 200 && status <= 599;
}

/** Keeps work running where the host would end it with the request; Hono throws where there is none. */
function workKeeper(): (context: Context, work: Promise<unknown>) => void {
  let isHosted = true;
  return (context, work) => {
    // An error for each delivery would be dear, and a host does not change.
    if (!isHosted) return;
    try {
      context.executionCtx.waitUntil(work);
    } catch {
      isHosted = false;
    }
  };
}

function receiverOf<E extends Env>(
  source: HonoReceiverSource<E>,
): (context: Context<E>) => Pick<Receiver, 'receive'> {
  if (typeof source === 'function') return (context) => receiverOfRequest(() => source(context));
  const receiver = 'receive' in source ? source : toReceiver(optionsOf(source));
  return () => receiver;
}

/** A mistake in the options shows with the first request only: it is answered as any mistake here is. */
function receiverOfRequest(
  make: () => Receiver | HonoReceiverPerRequest,
): Pick<Receiver, 'receive'> {
  let made: Receiver | HonoReceiverPerRequest | undefined;
  try {
    made = make();
    return toReceiver(made);
  } catch (error) {
    const options = typeof made === 'object' && !('receive' in made) ? made : {};
    return { receive: async () => answerMisconfigured(error, options) };
  }
}

function optionsOf<E extends Env>(options: HonoReceiverOptions<E>): ReceiverOptions {
  const { secrets, ...rest } = options;
  if (secrets === undefined) return rest;
  if (typeof secrets !== 'function') return { ...rest, secrets };
  return {
    ...rest,
    secrets: (context) => {
      if (isContext<E>(context)) return secrets(context);
      throw new TypeError('This receiver gets its secrets from Hono’s context, and there is none.');
    },
  };
}

/** What `receive` above passes along. */
function isContext<E extends Env>(value: unknown): value is Context<E> {
  return typeof value === 'object' && value !== null && 'req' in value && 'env' in value;
}
