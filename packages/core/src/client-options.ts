import { checkUrl } from './protocol/checks.ts';
import { ConfigurationError } from './errors.ts';
import {
  findOptionProblems,
  wantAddress,
  wantAtLeast,
  wantFalseOr,
  wantFunction,
  wantText,
  wantYesOrNo,
  type OptionCheck,
} from './option-checks.ts';
import type { CircuitBreakerOptions } from './http/circuit-breaker.ts';
import type { RetryOptions } from './http/retry.ts';
import type { Runtime } from './http/runtime.ts';
import type { SealingKeys } from './step/continuation-seal.ts';

const DEFAULT_BASE_URL = 'http://localhost:8080';

/** Everything may be left out or `undefined`, so that variables of the environment can be passed as they are. */
export interface EZThrottleOptions extends SealingKeys {
  /** Default: the environment variable `EZTHROTTLE_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** The server. Default: the environment variable `EZTHROTTLE_URL`, else `http://localhost:8080`. */
  readonly baseUrl?: string | undefined;
  /** The same as `baseUrl`. */
  readonly ezthrottleUrl?: string | undefined;
  /** Sends every call through the metering proxy at this address. */
  readonly tracktagsUrl?: string | undefined;
  /** Used for every call. Default: the global `fetch`. */
  readonly fetch?: Runtime['fetch'] | undefined;
  /**
   * On Node, an undici `Dispatcher` for `fetch` to use: a pool or a proxy of your own. It must be of the
   * undici that `fetch` is from; beside a newer one than Node's, give its `fetch`, too.
   */
  readonly dispatcher?: object | undefined;
  /** Time allowed to one call to the server, in milliseconds. Default 30 000. */
  readonly timeoutMs?: number | undefined;
  /** How failed calls to the server are tried again; false: never. */
  readonly retry?: RetryOptions | false | undefined;
  /**
   * Leaves a server alone that fails again and again: after 5 failures in a row (no answer, or 5xx)
   * calls end with `CircuitOpenError` for 10 s, then one is let through; false: never.
   */
  readonly circuitBreaker?: CircuitBreakerOptions | false | undefined;
  /**
   * Endpoint of this application that carries on with FRUGAL steps, for jobs without a webhook of
   * their own. Whoever receives there opens what `continuationKey` or `webhookSecret` has sealed.
   */
  readonly continueAt?: string | undefined;
  /**
   * Told of each step that followed another and failed with an error; `edge` is for example
   * `onSuccess`. Should it throw or reject itself, that is written to the console. Default: nothing is
   * done, and the error stands in the result's `children`.
   */
  readonly onChildError?: ((error: unknown, edge: string) => unknown) | undefined;
  /** Bytes kept of a target's answer to a call made here. Default 1 MiB. */
  readonly maxResponseBytes?: number | undefined;
  /** Whether a call without any answer starts a fallback with `triggerOnError`. Default true. */
  readonly networkErrorTriggersFallback?: boolean | undefined;
  /** Whether a forwarded job tries fallbacks again that have failed here. Default false. */
  readonly retryFallbacksRemotely?: boolean | undefined;
  /** Time, randomness and ids, for tests. */
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface Connection {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly proxyUrl: string | null;
}

const CHECKS: Readonly<Record<keyof EZThrottleOptions, OptionCheck>> = {
  apiKey: wantText,
  baseUrl: wantAddress,
  ezthrottleUrl: wantAddress,
  tracktagsUrl: wantAddress,
  fetch: wantFunction,
  dispatcher: () => [],
  timeoutMs: wantAtLeast(1),
  retry: wantFalseOr({
    maxRetries: wantAtLeast(0),
    baseDelayMs: wantAtLeast(0),
    maxDelayMs: wantAtLeast(0),
  }),
  circuitBreaker: wantFalseOr({ failures: wantAtLeast(1), openMs: wantAtLeast(0) }),
  continueAt: wantAddress,
  onChildError: wantFunction,
  maxResponseBytes: wantAtLeast(0),
  networkErrorTriggersFallback: wantYesOrNo,
  retryFallbacksRemotely: wantYesOrNo,
  runtime: () => [],
  // Whoever seals checks these.
  continuationKey: () => [],
  webhookSecret: () => [],
};

/** Throws `ConfigurationError` naming everything that is wrong. */
export function checkOptions(options: EZThrottleOptions): void {
  const problems = findOptionProblems(options, CHECKS);
  if (problems.length === 0) return;
  const lines = problems.map(
    ({ path, message, expected }) => `${path} ${message}; expected ${expected}`,
  );
  const isAboutAddresses = problems.every(({ path }) => ADDRESSES.has(path));
  throw new ConfigurationError(
    `${lines.join('. ')}.`,
    isAboutAddresses ? 'invalid_url' : 'configuration',
  );
}

const ADDRESSES: ReadonlySet<string> = new Set(
  Object.entries(CHECKS).flatMap(([name, want]) => (want === wantAddress ? [name] : [])),
);

/** Where to call and as whom. Throws `ConfigurationError` without a key or with a wrong address. */
export function connectionOf(options: EZThrottleOptions): Connection {
  const apiKey = options.apiKey ?? environment('EZTHROTTLE_API_KEY');
  if (apiKey === undefined || apiKey === '') {
    throw new ConfigurationError(
      'apiKey is required: give it as an option or set EZTHROTTLE_API_KEY.',
      'missing_api_key',
    );
  }
  // A line break in it would end the header that carries it.
  if (!/^[\u0021-\u007e]+$/.test(apiKey)) {
    throw new ConfigurationError('apiKey contains characters that no API key has.');
  }
  const { baseUrl = options.ezthrottleUrl ?? environment('EZTHROTTLE_URL'), tracktagsUrl } =
    options;
  return {
    apiKey,
    baseUrl: address('baseUrl', baseUrl ?? DEFAULT_BASE_URL),
    proxyUrl: tracktagsUrl === undefined ? null : address('tracktagsUrl', tracktagsUrl),
  };
}

function address(option: string, url: string): string {
  const [problem] = checkUrl(url, option);
  if (problem !== undefined) {
    throw new ConfigurationError(
      `${option} ${problem.message}; expected ${problem.expected}.`,
      'invalid_url',
    );
  }
  return url.replace(/\/+$/, '');
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
