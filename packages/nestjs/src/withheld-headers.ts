import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** What tells a parser that there is a body, and how to read it. */
const BODY_HEADERS = ['content-type', 'content-length', 'transfer-encoding'] as const;

const withheld = new WeakMap<IncomingMessage, IncomingHttpHeaders>();
const readBefore = new WeakSet<IncomingMessage>();

/** When a body was read that should not have been; `unknown`: the webhook's route was not recognised. */
export type ReadingTime = 'before Nest' | 'in the application' | 'unknown';

/** Takes the headers away for which parsers read a body: the stream stays as it came. */
export function withholdBody(request: IncomingMessage): void {
  if (withheld.has(request)) return;
  if (request.readableDidRead) readBefore.add(request);
  const { headers } = request;
  const taken: IncomingHttpHeaders = {};
  for (const name of BODY_HEADERS) {
    const value = headers[name];
    if (value === undefined) continue;
    taken[name] = value;
    // Not deleted: an object that has lost a property is slow to read from then on.
    headers[name] = undefined;
  }
  withheld.set(request, taken);
}

/** Puts them back. */
export function giveBackBody(request: IncomingMessage): void {
  const taken = withheld.get(request);
  if (taken !== undefined) Object.assign(request.headers, taken);
}

/** Of a body that was read: when that must have been. */
export function readingTimeOf(request: IncomingMessage): ReadingTime {
  if (readBefore.has(request)) return 'before Nest';
  return withheld.has(request) ? 'in the application' : 'unknown';
}
