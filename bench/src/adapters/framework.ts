import { createReceiver, type Receiver, type ReceiverOptions } from '@ezthrottle/core/webhooks';

/**
 * How a webhook may be received in a framework.
 * - `bare`: reads and parses the body, answers, checks nothing.
 * - `adapter`: our adapter over a receiver that does just that: what the adapter itself adds.
 * - `direct`: hand-written for our receiver, unsigned.
 * - `unsigned`: our adapter with `allowUnsigned`: checks the payload, claims, dispatches and commits as well.
 * - `signed`: our adapter as it is used.
 * - `octokit`, `svix`: the ways their documentation shows.
 */
export const WAYS = ['bare', 'adapter', 'direct', 'unsigned', 'signed', 'octokit', 'svix'] as const;

export type Way = (typeof WAYS)[number];

/** Listens on a free port of 127.0.0.1, with `POST /hook` in this way; gives the port. */
export type StartWay = () => Promise<number>;

/** Not every framework has every way. `bare` comes first: the others are compared with it. */
export type FrameworkWays = Partial<Record<Way, StartWay>> & { readonly bare: StartWay };

/** The same handler in every way. */
export function doNothing(): void {}

/** The whole receiver but the signature. */
export const UNSIGNED: ReceiverOptions = { allowUnsigned: true, on: { any: doNothing } };

/** Reads the body and parses it as a bare handler does, and answers the same. */
export function onlyReading(): Receiver {
  const receiver = createReceiver(UNSIGNED);
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  const answer = { status: 200, headers, body: JSON.stringify(RECEIVED) };
  receiver.receive = async ({ body }) => {
    const bytes = typeof body === 'function' ? await body(1_048_576) : body;
    JSON.parse(UTF8.decode(bytes ?? new Uint8Array()));
    return answer;
  };
  return receiver;
}

const UTF8 = new TextDecoder();

export const RECEIVED = { status: 'received' };

/** For peers that log what they refuse. */
export const SILENT: Readonly<Record<'debug' | 'info' | 'warn' | 'error', () => void>> = {
  debug: doNothing,
  info: doNothing,
  warn: doNothing,
  error: doNothing,
};
