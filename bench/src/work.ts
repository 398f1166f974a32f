/** The one job of all benchmarks, in the words of the wire; the peer reads the same. */
export interface Work {
  readonly url: string;
  readonly method: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly webhooks: readonly { readonly url: string }[];
}

/**
 * No two jobs are alike: a repeated one would be answered with the first and not run.
 *
 * @param place.target Where the job calls.
 * @param place.receiver Where its signed result goes.
 * @param name Different for every job; ends with its number.
 * @param bodyBytes Bytes of the body.
 */
export function workOf(place: Place, name: string, bodyBytes: number): Work {
  return {
    url: `${place.target}/charges`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: bodyOf(name, bodyBytes),
    webhooks: [{ url: `${place.receiver}/deliveries` }],
  };
}

function bodyOf(order: string, bytes: number): string {
  const charge = { order, amount: 1000, currency: 'usd', note: '' };
  return JSON.stringify({ ...charge, note: 'x'.repeat(bytes - JSON.stringify(charge).length) });
}

/** Origins outside the system that is measured. */
export interface Place {
  readonly target: string;
  readonly receiver: string;
}

/**
 * The same place by another of its addresses, of which loopback has 16 million: another destination, to
 * whoever tells destinations apart by their origins.
 */
export function placeOfKey({ target, receiver }: Place, key: number): Place {
  const host = `127.${1 + (key >> 16)}.${(key >> 8) & 255}.${key & 255}`;
  return { target: hosted(target, host), receiver: hosted(receiver, host) };
}

function hosted(origin: string, host: string): string {
  const url = new URL(origin);
  url.hostname = host;
  return url.origin;
}

/** What the load process is told. */
export interface LoadOrder {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly place: Place;
  /** Begins the name of each job. */
  readonly batch: string;
  readonly connections: number;
  readonly jobs: number;
  /** More than 1: as a batch. */
  readonly jobsPerRequest: number;
  /** Requests begin at this rate, whatever the answers; null: each connection sends in turn. */
  readonly ratePerSecond: number | null;
  readonly bodyBytes: number;
  /** More addresses that take jobs, each for its share of the connections. */
  readonly otherUrls?: readonly string[];
  /** Addresses of target and receiver that jobs name in turn. Absent: the one. */
  readonly keys?: number;
}

/** What the load process says when all jobs are accepted. Times are milliseconds since the epoch. */
export interface LoadReport {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Milliseconds of each request, from its moment to the end of the answer. */
  readonly latenciesMs: readonly number[];
  /** In an open loop: the moment of each job, by its number. */
  readonly dueAt: readonly number[];
}

/** What the process of the target and the receiver is started with. */
export interface OutsideOrder {
  readonly secret: string;
  /** Of loopback. Default: `one`. */
  readonly addresses?: 'one' | 'all';
}

/** What the process of the target and the receiver says. */
export type OutsideReport =
  | { readonly type: 'listening'; readonly target: string; readonly receiver: string }
  | {
      /** As many different jobs as expected were delivered and acknowledged. */
      readonly type: 'reached';
      /** When the last of them was acknowledged, in milliseconds since the epoch. */
      readonly at: number;
      /** Deliveries since it was told what to expect, repeated ones included. */
      readonly deliveries: number;
      /** Calls of the target since then: the number of the job, and when. */
      readonly hits: readonly (readonly [number: number, at: number])[];
      /** Deliveries whose signature was wrong; they were refused. */
      readonly refused: number;
    };

/** What the process of the target and the receiver is told. */
export interface Expectation {
  readonly jobs: number;
}

/** Milliseconds since the epoch, with fractions, comparable between processes of one machine. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
