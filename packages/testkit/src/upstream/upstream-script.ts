/** A request as the upstream received it. `state` changes while it is answered; the rest does not. */
export interface RecordedRequest {
  /** From 1, in the order in which requests were complete. */
  readonly sequence: number;
  readonly method: string;
  /** Path with query, as sent. */
  readonly path: string;
  /** Names in lower case; several values are joined by a comma and a space. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names and values in turn, exactly as sent. */
  readonly rawHeaders: readonly string[];
  /** The body read as UTF-8. */
  readonly body: string;
  readonly bodyBytes: Uint8Array;
  /** From where it came. */
  readonly remoteAddress: string;
  /** When its headers arrived, in milliseconds since the epoch. */
  readonly at: number;
  /** The same moment on a clock that never goes back, in milliseconds. */
  readonly monotonicAt: number;
  /** `aborted`: the caller hung up before the answer was complete. */
  readonly state: 'open' | 'answered' | 'aborted';
}

/** One scripted answer. Everything is optional: `{}` is an empty 200. */
export interface UpstreamAnswer {
  /** Default 200. */
  readonly status?: number;
  /** An array sends the header once per value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text and bytes go as they are; anything else as JSON with its content type. */
  readonly body?: unknown;
  /** Real milliseconds before the first byte of the answer. Default 0. */
  readonly delayMs?: number;
  /**
   * What goes wrong. `hang_…` never finishes (until the caller hangs up or the upstream closes),
   * `reset_…` breaks the connection; `…_after_headers` sends status, headers and body so far first.
   */
  readonly fault?:
    | 'hang_before_headers'
    | 'hang_after_headers'
    | 'reset_before_headers'
    | 'reset_after_headers';
}

/**
 * How requests are answered: always alike, in turn (the last answer repeats), or by a function,
 * which may take its time.
 */
export type UpstreamScript =
  | UpstreamAnswer
  | readonly [UpstreamAnswer, ...UpstreamAnswer[]]
  | ((request: RecordedRequest) => UpstreamAnswer | Promise<UpstreamAnswer>);

export type Answering = (request: RecordedRequest) => UpstreamAnswer | Promise<UpstreamAnswer>;

/** The script as a function; a script in turn counts by itself. */
export function answering(script: UpstreamScript): Answering {
  if (typeof script === 'function') return script;
  if (!isSequence(script)) return () => script;
  let next = 0;
  return () => {
    const answer = script[Math.min(next, script.length - 1)] ?? script[0];
    next += 1;
    return answer;
  };
}

function isSequence(
  script: UpstreamAnswer | readonly [UpstreamAnswer, ...UpstreamAnswer[]],
): script is readonly [UpstreamAnswer, ...UpstreamAnswer[]] {
  return Array.isArray(script);
}
