import type { ReceiverOptions } from '@ezthrottle/core/webhooks';

/**
 * How a webhook may be received in a framework.
 * - `bare`: reads and parses the body, answers, checks nothing.
 * - `direct`: hand-written for our receiver, unsigned: what is left to `unsigned` is the adapter's own.
 * - `unsigned`: our adapter with `allowUnsigned`: the whole receiver but the signature.
 * - `signed`: our adapter as it is used.
 * - `octokit`, `svix`: the ways their documentation shows.
 */
export const WAYS = ['bare', 'direct', 'unsigned', 'signed', 'octokit', 'svix'] as const;

export type Way = (typeof WAYS)[number];

/** Listens on a free port of 127.0.0.1, with `POST /hook` in this way; gives the port. */
export type StartWay = () => Promise<number>;

/** Not every framework has every way. `bare` comes first: the others are compared with it. */
export type FrameworkWays = Partial<Record<Way, StartWay>> & { readonly bare: StartWay };

/** The same handler in every way. */
export function doNothing(): void {}

/** The whole receiver but the signature. */
export const UNSIGNED: ReceiverOptions = { allowUnsigned: true, on: { any: doNothing } };

export const RECEIVED = { status: 'received' };

/** For peers that log what they refuse. */
export const SILENT: Readonly<Record<'debug' | 'info' | 'warn' | 'error', () => void>> = {
  debug: doNothing,
  info: doNothing,
  warn: doNothing,
  error: doNothing,
};
