import { EZThrottle, type EZThrottleOptions, type JobView, type Runtime } from '@ezthrottle/core';
import {
  createReceiver,
  MemoryDedupeStore,
  type Receiver,
  type ReceiverOptions,
} from '@ezthrottle/core/webhooks';
import type { ReceivedCall } from './network/received-call.ts';
import type { Script } from './network/script.ts';
import type { Upstream } from './network/scripted-target.ts';
import { settleTestServerOptions, type TestServerOptions } from './test-server-options.ts';
import {
  addWebhook,
  type TestWebhook,
  type WebhookOptions,
  type WebhookTarget,
} from './test-webhook.ts';
import { type Duration, durationMs } from './time/duration.ts';
import { API_ORIGIN, World } from './world.ts';

/** The server's time. It moves only when it is told to. */
export interface TestClock {
  /** Virtual milliseconds since the epoch. */
  now(): number;
  /** Virtual milliseconds since the server was made. */
  elapsedMs(): number;
  /** Lets time pass, and all that is due in it happen: `advance('6h')`. */
  advance(duration: Duration): Promise<void>;
}

/**
 * A server in the process of a test. It accepts, paces, retries, falls back and delivers by the rules of
 * the real one, in virtual time and against targets that follow a script.
 */
export interface TestServer {
  /** Give it to the client as `baseUrl`, together with `fetch`. */
  readonly url: string;
  readonly apiKey: string;
  readonly signingSecret: string;
  readonly clock: TestClock;
  /** The API at `url`, and the scripted targets, for whoever calls them himself. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Virtual time for a client: give it to one of your own as `runtime`. */
  readonly runtime: Runtime;
  /** Every call that reached any target, in order. */
  readonly calls: readonly ReceivedCall[];
  /** Moments to which time was moved so far. */
  readonly moments: number;
  /** A client of this server, in its time; continuations are sealed with the signing secret. */
  client(options?: EZThrottleOptions): EZThrottle;
  /** Scripts a target: an address, an origin, or a path that ends with an asterisk. Default: 200. */
  upstream(address: string, script?: Script): Upstream;
  /** Delivers results for this address to a receiver or handler. Default: accepts everything. */
  webhook(url: string, target?: WebhookTarget, options?: WebhookOptions): TestWebhook;
  /** Makes a receiver that lives in virtual time, and has it stand at this address. */
  receiver(url: string, options?: Partial<ReceiverOptions>): Receiver;
  /** Does all that is due now. */
  settle(): Promise<void>;
  /** Goes on until every job has ended and every delivery is delivered or dead. */
  runToEnd(): Promise<void>;
  /** Goes on until the promise is settled, and gives its value. */
  until<Result>(promise: Promise<Result>): Promise<Result>;
  /** A job as the API shows it; null when there is none of this id. */
  job(jobId: string): Promise<JobView | null>;
}

/**
 * @example
 * const server = createTestServer();
 * server.upstream('https://api.example.com', [503, 200]);
 * const { job_id } = await server.client().submitJob({ url: 'https://api.example.com' });
 * await server.runToEnd();
 */
export function createTestServer(options: TestServerOptions = {}): TestServer {
  const settings = settleTestServerOptions(options);
  const world = new World(settings);
  const { apiKey, signingSecret, maxMoments } = settings;
  const { clock, loop, network, runtime } = world;
  const fetch: TestServer['fetch'] = (input, init) => world.fetch(input, init);
  return {
    url: API_ORIGIN,
    apiKey,
    signingSecret,
    runtime,
    fetch,
    calls: network.calls,
    clock: {
      now: () => clock.now(),
      elapsedMs: () => clock.monotonic(),
      advance: (duration) => loop.advance(durationMs(duration)),
    },
    get moments() {
      return loop.moments;
    },
    client: (own = {}) =>
      new EZThrottle({
        apiKey,
        baseUrl: API_ORIGIN,
        webhookSecret: signingSecret,
        runtime,
        ...own,
      }),
    upstream: (address, script = 200) => network.add(address, script),
    webhook: (url, target = 200, more = {}) => addWebhook(network, url, target, more),
    receiver(url, own = {}) {
      const now = (): number => clock.now();
      const receiver = createReceiver({
        secrets: signingSecret,
        now,
        dedupe: new MemoryDedupeStore({ now }),
        after: (delayMs, callback) => clock.after(delayMs, callback),
        ...own,
      });
      addWebhook(network, url, receiver, { signedBy: 'virtual' });
      return receiver;
    },
    settle: () => loop.settle(),
    runToEnd: () => loop.toEnd(maxMoments),
    until: (promise) => loop.until(promise, maxMoments),
    job: (jobId) => world.jobView(jobId),
  };
}
