import { ConfigurationError, describeProblems } from './errors.ts';
import { circuitPolicy, type CircuitBreakerOptions } from './http/circuit-breaker.ts';
import { sharedCircuit } from './http/shared-circuit.ts';
import { retryPolicy, type RetryOptions } from './http/retry.ts';
import { Running } from './http/running.ts';
import { runtimeOf, type Runtime } from './http/runtime.ts';
import { Transport, type Detour } from './http/transport.ts';
import { checkUrl } from './protocol/checks.ts';
import type { Problem } from './protocol/wire-error.ts';
import {
  findAllOptionProblems,
  wantAddress,
  wantAtLeast,
  wantFalseOr,
  wantFunction,
  wantObject,
  wantText,
  type OptionCheck,
} from './option-checks.ts';

const DEFAULT_BASE_URL = 'http://localhost:8080';
const DEFAULT_TIMEOUT_MS = 30_000;

/** Everything may be left out or `undefined`, so that variables of the environment can be passed as they are. */
export interface ConnectionOptions {
  /** Default: the environment variable `EZTHROTTLE_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** The server. Default: the environment variable `EZTHROTTLE_URL`, else `http://localhost:8080`. */
  readonly baseUrl?: string | undefined;
  /** The same as `baseUrl`. */
  readonly ezthrottleUrl?: string | undefined;
  /** Used for every call. Default: the global `fetch`. */
  readonly fetch?: Runtime['fetch'] | undefined;
  /**
   * On Node, an undici `Dispatcher` for `fetch` to use: a pool or a proxy of your own. It must be of the
   * undici that `fetch` is from; beside a newer one than Node's, give its `fetch`, too.
   */
  readonly dispatcher?: object | undefined;
  /** Time allowed to one try of a call to the server, in milliseconds. Default 30 000. */
  readonly timeout?: number | undefined;
  /** How failed calls to the server are tried again; false: never. */
  readonly retry?: RetryOptions | false | undefined;
  /**
   * Leaves a server alone that fails again and again: after 5 failures in a row (no answer, or 5xx)
   * calls end with `CircuitOpenError` for 10 s, then one is let through; false: never.
   *
   * All clients in a process that reach one base URL in the same way share one circuit: the failures of
   * all of them count, and whoever's limit is met first opens it for all, for his own `openMs`. A client
   * with `false` takes no part in it.
   */
  readonly circuitBreaker?: CircuitBreakerOptions | false | undefined;
  /** Time, randomness and ids, for tests. */
  readonly runtime?: Partial<Runtime> | undefined;
}

/** A check for each option. */
export type ChecksOf<Options> = Readonly<Record<keyof Options, OptionCheck>>;

export const CONNECTION_CHECKS: ChecksOf<ConnectionOptions> = {
  apiKey: wantText,
  baseUrl: wantAddress,
  ezthrottleUrl: wantAddress,
  fetch: wantFunction,
  dispatcher: wantObject,
  timeout: wantAtLeast(1),
  retry: wantFalseOr({
    maxRetries: wantAtLeast(0),
    baseDelayMs: wantAtLeast(0),
    maxDelayMs: wantAtLeast(0),
  }),
  circuitBreaker: wantFalseOr({ failures: wantAtLeast(1), openMs: wantAtLeast(0) }),
  runtime: wantObject,
};

/** A server and how to talk to it. */
export interface Connection {
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly running: Running;
  /** In milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Throws `ConfigurationError` naming everything that is wrong, or that there is no API key.
 *
 * @param checks What the options must be.
 * @param detourOf Another way to the server than straight, for whoever has this API key.
 */
export function connect<Options extends ConnectionOptions>(
  options: Options,
  checks: ChecksOf<Options>,
  detourOf: (apiKey: string) => Detour | null = () => null,
): Connection {
  refuse(findAllOptionProblems(options, checks), checks);
  const { baseUrl = options.ezthrottleUrl ?? environment('EZTHROTTLE_URL') ?? DEFAULT_BASE_URL } =
    options;
  // Those of the environment are not checked yet.
  refuse(checkUrl(baseUrl, 'baseUrl'), checks);
  const apiKey = apiKeyOf(options);
  const runtime = runtimeOf(options);
  const running = new Running();
  const timeoutMs = options.timeout ?? DEFAULT_TIMEOUT_MS;
  const server = withoutSlash(baseUrl);
  const detour = detourOf(apiKey);
  // Clients with a `fetch` or a clock of their own, such as those of tests, do not speak for others.
  const reach = options.runtime ?? options.dispatcher ?? options.fetch ?? globalThis.fetch;
  const policy = circuitPolicy(options.circuitBreaker);
  const transport = new Transport({
    apiKey,
    baseUrl: server,
    detour,
    timeoutMs,
    retry: retryPolicy(options.retry),
    circuit: policy && { policy, shared: sharedCircuit(reach, `${detour?.url} ${server}`) },
    running,
    runtime,
  });
  return { transport, runtime, running, timeoutMs };
}

/** An address without slashes at its end. */
export function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function refuse(problems: readonly Problem[], checks: object): void {
  if (problems.length === 0) return;
  const areAddresses = problems.every(({ path }) => Reflect.get(checks, path) === wantAddress);
  throw new ConfigurationError(
    describeProblems('client', problems),
    areAddresses ? 'invalid_url' : 'configuration',
  );
}

function apiKeyOf(options: ConnectionOptions): string {
  const apiKey = options.apiKey ?? environment('EZTHROTTLE_API_KEY');
  if (apiKey === undefined || apiKey === '') {
    throw new ConfigurationError(
      'apiKey is required: give it as an option or set EZTHROTTLE_API_KEY.',
      'missing_api_key',
    );
  }
  // A line break in it would end the header that carries it.
  if (/^[\u0021-\u007e]+$/.test(apiKey)) return apiKey;
  throw new ConfigurationError('apiKey contains characters that no API key has.');
}

/** Undefined where there is no environment, or where it may not be read. */
function environment(name: string): string | undefined {
  try {
    const value = typeof process === 'undefined' ? undefined : process.env[name];
    return value === '' ? undefined : value;
  } catch {
    return undefined;
  }
}
