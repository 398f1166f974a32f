import type { Receiver, ReceiverOptions } from '@ezthrottle/core/webhooks';
import type { Question, SubjectSettings } from './receiver-under-test.ts';

/** Everything that is tried on each adapter. */
export type AdapterCase =
  | 'json'
  | 'unicode'
  | 'gzip'
  | 'chunked'
  | 'empty'
  | 'binary'
  | 'megabyte'
  | 'announced-too-large'
  | 'turns-out-too-large'
  | 'far-too-large'
  | 'prefix'
  | 'proxy'
  | 'any-content-type'
  | 'slow-body'
  | 'aborted-body'
  | 'wrong-method'
  | 'head-and-options'
  | 'replay'
  | 'concurrent-duplicates'
  | 'handler-crash'
  | 'handler-timeout'
  | 'store-away'
  | 'rotation'
  | 'forged'
  | 'stale'
  | 'unsigned'
  | 'several-signatures'
  | 'parser'
  | 'other-routes'
  | 'keep-alive'
  | 'answers'
  | 'context';

/** One adapter on one platform, such as "Express 5". */
export interface AdapterSubject {
  readonly name: string;
  /**
   * Starts an app with two routes. `/hook` is the adapter's webhook, mounted so that it sees every
   * method; `POST /echo` answers with the JSON that the framework's own JSON parser made of the body,
   * and needs no parser when the framework parses by itself. Both stand below `prefix` when there is one.
   */
  start(options: AdapterSubjectOptions): Promise<RunningAdapter>;
  /** Parsers that may be mounted before the webhook, by their name in this framework. */
  readonly parsers?: Readonly<Record<string, SubjectParser>>;
  /**
   * What this platform cannot do, each with the reason. Such a case is not skipped: it is asserted to
   * behave as its `otherwise` says or, where it has none, to fail.
   */
  readonly exceptions?: Partial<Record<AdapterCase, string>>;
}

/** A parser that is mounted before the webhook: usually the mistake under test. */
export interface SubjectParser {
  /** A content type that this parser takes. */
  readonly contentType: string;
  /**
   * What `onError` is told, as far as it must match: the parser's name and the way out.
   * Null when the parser leaves the bytes, so that the delivery is handled.
   */
  readonly says: readonly RegExp[] | null;
}

export interface AdapterSubjectOptions {
  /** What the adapter is given. */
  readonly receiver: Receiver | ReceiverOptions;
  /**
   * The same as plain data. A subject in another process or runtime makes the receiver there,
   * with `receiverUnderTest(settings).options`, and answers `ask` from there.
   */
  readonly settings: SubjectSettings;
  /** Such as `/v1`: the app's own way to mount routes under a prefix. */
  readonly prefix?: string;
  /** A key of `parsers`: the parser that is mounted before the webhook. */
  readonly parser?: string;
}

export interface RunningAdapter {
  /** Of the webhook. */
  readonly url: string;
  /** Of the route that echoes JSON. */
  readonly echoUrl: string;
  /** Only where the receiver runs elsewhere: hands the question to its `ReceiverUnderTest.ask`. */
  ask?(question: Question): Promise<unknown>;
  close(): Promise<void>;
}
