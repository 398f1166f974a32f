import { HEADERS } from '@ezthrottle/core/protocol';
import { randomUUID } from 'node:crypto';

/** A running server, as a command talks to it. */
export interface ServerAddress {
  readonly url: string;
  readonly apiKey: string;
}

/** A server refused, or did not answer. */
export class ServerCallError extends Error {
  override readonly name = 'ServerCallError';
  readonly code = 'server_call_failed';
  /** Null: there was no answer. */
  readonly status: number | null;

  constructor(message: string, status: number | null) {
    super(message);
    this.status = status;
  }
}

export interface ServerCall {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  readonly actor?: string | undefined;
}

/** @throws ServerCallError with what the server says is wrong. */
export async function callServer<Body>(
  { url, apiKey }: ServerAddress,
  method: 'GET' | 'POST',
  path: string,
  { query = {}, body, actor }: ServerCall = {},
): Promise<Body> {
  const address = new URL(`/api/v1${path}`, url);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) address.searchParams.set(name, value);
  }
  const response = await fetch(address, {
    method,
    headers: {
      authorization: `Bearer ${apiKey}`,
      ...(method === 'POST' && { [HEADERS.idempotencyKey]: randomUUID() }),
      ...(actor !== undefined && { [HEADERS.actor]: encodeURIComponent(actor) }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const words = why instanceof Error ? why.message : String(why);
    throw new ServerCallError(`${url} does not answer: ${words}`, null);
  });
  const text = await response.text();
  if (!response.ok) throw new ServerCallError(refusalOf(response.status, text), response.status);
  const answer: Body = JSON.parse(text);
  return answer;
}

function refusalOf(status: number, text: string): string {
  try {
    const refusal: {
      readonly message?: string;
      readonly problems?: readonly { readonly path: string; readonly message: string }[];
    } = JSON.parse(text);
    const problems = (refusal.problems ?? []).map(({ path, message }) => `\n  ${path} ${message}`);
    return `${refusal.message ?? 'refused'} (${status})${problems.join('')}`;
  } catch {
    return `the server answered ${status}`;
  }
}
