import { DEFAULTS, type LimitSettingsRequest } from '@ezthrottle/core/protocol';
import { DEFAULT_PACE, type LiveRegions, type PaceSettings } from '@ezthrottle/engine';

export interface TestServerOptions {
  /** Virtual milliseconds since the epoch at the start. Default: the time of the system. */
  readonly startAt?: number;
  /** Chance (backoff, jitter, ids) repeats itself with the same seed. Default 1. */
  readonly seed?: number;
  readonly apiKey?: string;
  /** Signs deliveries. Default: one that is of the form of Standard Webhooks, too. */
  readonly signingSecret?: string;
  /** Regions that can send. Default: every one that a job names. */
  readonly regions?: readonly string[];
  /** Pace of a destination before it teaches another; what is left out is the server's default. */
  readonly pace?: Partial<PaceSettings>;
  /** The same by origin. */
  readonly paces?: Readonly<Record<string, Partial<PaceSettings>>>;
  /** Limits from the start (`openai-rpm`, `account:ann`, `destination:https://…`), in the spelling of the wire. */
  readonly limits?: Readonly<Record<string, LimitSettingsRequest>>;
  /** Default 24 h. */
  readonly idempotencyWindowMs?: number;
  /** Waits before each attempt of a delivery. Default: the server's. */
  readonly deliveryDelaysMs?: readonly number[];
  /** Default 24 h. */
  readonly deliveryGiveUpMs?: number;
  /** Bound on what `runToEnd` and `until` do, in moments to which time is moved. Default 100 000. */
  readonly maxMoments?: number;
}

export interface TestServerSettings {
  readonly startAt: number;
  readonly seed: number;
  readonly apiKey: string;
  readonly signingSecret: string;
  readonly liveRegions: LiveRegions;
  readonly settings: (origin: string) => PaceSettings;
  readonly limits: Readonly<Record<string, LimitSettingsRequest>>;
  readonly idempotencyWindowMs: number;
  readonly schedule: { readonly delaysMs: readonly number[]; readonly giveUpMs: number };
  readonly maxMoments: number;
}

/** For tests alone: nothing that is signed by it is secret. */
export const TEST_SIGNING_SECRET = 'whsec_dGVzdHMgc2lnbiB3aXRoIHRoaXMgc2VjcmV0';
const TEST_API_KEY = 'test_api_key';

export function settleTestServerOptions(options: TestServerOptions): TestServerSettings {
  const { pace = {}, paces = {} } = options;
  return {
    startAt: options.startAt ?? Date.now(),
    seed: options.seed ?? 1,
    apiKey: options.apiKey ?? TEST_API_KEY,
    signingSecret: options.signingSecret ?? TEST_SIGNING_SECRET,
    liveRegions: options.regions ?? 'any',
    settings: (origin) => ({ ...DEFAULT_PACE, ...pace, ...paces[origin] }),
    limits: options.limits ?? {},
    idempotencyWindowMs: options.idempotencyWindowMs ?? DEFAULTS.idempotencyWindowMs,
    schedule: {
      delaysMs: options.deliveryDelaysMs ?? DEFAULTS.deliveryDelaysMs,
      giveUpMs: options.deliveryGiveUpMs ?? DEFAULTS.deliveryGiveUpMs,
    },
    maxMoments: options.maxMoments ?? 100_000,
  };
}
