import type { ErrorCode } from '@ezthrottle/core/protocol';
import type { JsonSchema } from '@ezthrottle/core/protocol/schemas';
import type { ReplyName } from './reply-names.ts';

/** What the document of the API says about one route, beside what the route itself says. */
export interface Operation {
  /** One line. */
  readonly summary: string;
  /** What it is about: operations of one tag stand together. */
  readonly tag:
    | 'jobs'
    | 'limits'
    | 'webhooks'
    | 'API keys'
    | 'secrets'
    | 'privacy'
    | 'dead letters'
    | 'operations'
    | 'server';
  /** Schema of an object whose members are the parameters of the query. */
  readonly query?: JsonSchema;
  /** Headers of the request that mean something to it, with what they mean. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Schema of the body, which is JSON. */
  readonly body?: JsonSchema;
  /** What is answered when all is well, by status. */
  readonly answers: Readonly<Record<number, Answered>>;
  /** Refusals of its own; those that every route has are added. */
  readonly refusals?: readonly ErrorCode[];
}

/** The body of an answer: a named type as JSON, one of several, a stream of events, or none. */
export type Answered = ReplyName | readonly ReplyName[] | 'event stream' | 'any object' | 'nothing';

/** Operations by method and full path, for example `POST /api/v1/jobs/:id`. */
export type Operations = Readonly<Record<string, Operation>>;
