import type { Readable } from 'node:stream';
import type { ReceiverRequest } from '../webhooks/receiver-request.ts';
import { readRawBody, type ParsedIncomingMessage } from './raw-body.ts';

export interface NodeRequestOptions {
  /** Handed to a `secrets` function and to the handlers. Default: the request. */
  readonly context?: unknown;
  /** What to do when a body parser was first, in the framework's own words. */
  readonly fix?: string | undefined;
  /** Where the body comes from when a hook of the framework has put itself in between. */
  readonly stream?: Readable | undefined;
}

/** A Node request as the receiver takes it. The body is read when the receiver asks for it. */
export function nodeReceiverRequest(
  request: ParsedIncomingMessage,
  { context = request, fix, stream }: NodeRequestOptions = {},
): ReceiverRequest {
  return {
    method: request.method ?? '',
    header: (name) => firstOf(request.headers[name.toLowerCase()]),
    body: (limitBytes) => readRawBody(request, { limitBytes, fix, stream }),
    context,
  };
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}
