import type { Readable } from 'node:stream';
import type { ApiKeyScope } from '@ezthrottle/core/protocol';
import type { Caller } from '../tenancy/api-keys.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request as a route sees it: nothing of the framework. */
export interface Call {
  /** Parsed JSON; undefined when there was no body. */
  readonly body: unknown;
  readonly params: Readonly<Record<string, string>>;
  /** A parameter that was given more than once is an array. */
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  header(name: string): string | null;
  readonly requestId: string;
  /** Told once when the answer is out or its connection broken: nobody waits for it any more. */
  onGone(listener: () => void): void;
}

/** `body` is sent as JSON; `events` as an event stream, until it ends. */
export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
} & ({ readonly body?: unknown } | { readonly events: Readable });

/**
 * Who may call: `public` is everybody, a scope is whoever has an API key with that scope. Others are
 * answered 401 or 403 before the body is read.
 */
export type Access = 'public' | ApiKeyScope;

/** One method at one address. A handler that throws an `ApiError` is answered with that. */
export type Route = {
  readonly method: Method;
  readonly path: string;
  /** Default: what the server allows. */
  readonly maxBodyBytes?: number;
} & (
  | { readonly access: 'public'; handle(call: Call): Promise<Answer> }
  | { readonly access: ApiKeyScope; handle(call: Call, caller: Caller): Promise<Answer> }
);

/**
 * A set of routes that speak one dialect. Surfaces are mounted side by side under prefixes of their
 * own, so another client's dialect is one more surface, translating at this edge only.
 */
export interface Surface {
  /** Without a trailing slash; empty for the root. */
  readonly prefix: string;
  readonly routes: readonly Route[];
}
