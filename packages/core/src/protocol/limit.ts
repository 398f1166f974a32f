import type { WarningView } from './job.ts';
import type { Problem } from './wire-error.ts';

/** Bounds of limits as resources; `spec/limits.md` explains each. */
export const LIMIT_BOUNDS = {
  perOrganization: 1_000,
  /** Characters of a name that an organization has chosen. */
  nameLength: 128,
  userIdLength: 256,
  /** Characters of a whole key. */
  keyLength: 512,
  /** Highest rate, in a period and in a second. */
  rate: 1_000_000,
  /** Longest period, in milliseconds. A rate of less than one in this time is refused. */
  periodMs: 86_400_000,
  burst: 1_000_000_000,
  concurrency: 1_000_000,
  /** Turns of an API key in a round. */
  leastWeight: 0.1,
  mostWeight: 100,
  headerLength: 128,
  pathLength: 256,
} as const;

/**
 * What a limit is to be. At least one of `rate`, `concurrency` and a pause has to be said; of an API key its
 * `weight`, and nothing else. An instant is in milliseconds since the epoch.
 */
export interface LimitSettingsRequest {
  /** Units in `per_ms`: calls, or what they cost. More than 0, at most 1,000,000. */
  readonly rate?: number;
  /** Default 1,000: the rate is by the second. */
  readonly per_ms?: number;
  /** Units that may go at once after a rest, and the largest cost of one call. Default 1. */
  readonly burst?: number;
  /** Calls under way at the same time. Default: 16 for a destination, else no bound. */
  readonly concurrency?: number;
  /** Whether answers move the rate. Default: only a destination's. */
  readonly adaptive?: boolean;
  /** No answer lowers the rate below this, in units of the rate. Default 0.5 a second, or the rate. */
  readonly floor?: number;
  /** No answer raises the rate above this, in units of the rate. Default: the rate. */
  readonly ceiling?: number;
  /** Nothing is sent until this is taken back. Default false. */
  readonly paused?: boolean;
  /** Nothing is sent before this instant. */
  readonly paused_until?: number;
  /** Header of an answer that says what the call has really cost. */
  readonly settle_header?: string;
  /** The same, as a path into a JSON body, for example `$.usage.total_tokens`. */
  readonly settle_path?: string;
  /** Turns of an API key for each one that another key has, 0.1 to 100. Without a limit of its own: 1. */
  readonly weight?: number;
}

/** Where a limit stands at this moment. */
export interface LimitStateView {
  /** Units in `per_ms`, as they are in force, over all nodes. */
  readonly rate: number;
  /** Units that could go at once; of several nodes, at the one that answers. */
  readonly tokens: number;
  readonly concurrency: number;
  readonly in_flight: number;
  /** Calls in line that the server holds in memory; there may be more on disk. */
  readonly waiting: number;
  /** End of the pause that is in force; null: there is none, or it has no end. */
  readonly paused_until: number | null;
  /** Who has stopped it: somebody by hand, an answer of the target, or that it failed too often; null: nobody. */
  readonly paused_by: 'hand' | 'target' | 'circuit' | null;
  /** Whether the destination is taken for down (`open`), tried (`probing`) or coming back (`ramping`). */
  readonly circuit: 'closed' | 'open' | 'probing' | 'ramping';
  /** Rate that the target announced last; null: none. */
  readonly learned_rate: number | null;
  /** When the rate was last lowered because calls were refused. */
  readonly lowered_at: number | null;
  /** Into how many parts a destination's accounts are divided among nodes. Absent: it is whole. */
  readonly parts?: number;
}

/** A limit. Null: was not said, so the default holds. */
export interface LimitView {
  readonly key: string;
  readonly kind: LimitKey['kind'];
  readonly rate: number | null;
  readonly per_ms: number;
  readonly burst: number | null;
  readonly concurrency: number | null;
  readonly adaptive: boolean;
  readonly floor: number | null;
  readonly ceiling: number | null;
  readonly paused: boolean;
  readonly paused_until: number | null;
  readonly settle_header: string | null;
  readonly settle_path: string | null;
  readonly weight: number | null;
  /** Another one after every change; the `ETag` without its quotes. */
  readonly version: string;
  readonly created_at: number;
  readonly updated_at: number;
  /** Null while nothing is going on at this limit, or when that is not known: then `warnings` say why. */
  readonly state: LimitStateView | null;
  /** Fields of the request that are not known, and what could not be told. */
  readonly warnings?: readonly WarningView[];
}

export interface LimitPage {
  readonly limits: readonly LimitView[];
  /** Pass as `cursor` to read on; null at the end. */
  readonly next_cursor: string | null;
}

/** What a key of a limit means; `key` is its one spelling. */
export type LimitKey =
  | { readonly kind: 'custom'; readonly key: string }
  | { readonly kind: 'destination'; readonly key: string; readonly origin: string }
  | { readonly kind: 'account'; readonly key: string; readonly userId: string }
  | { readonly kind: 'api_key'; readonly key: string; readonly apiKey: string };

const DESTINATION = 'destination:';
const ACCOUNT = 'account:';
const API_KEY = 'api-key:';
const IDENTIFIER = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Key of the limit of a destination, given by its origin. */
export function destinationLimit(origin: string): string {
  return DESTINATION + origin;
}

/** Key of the limit of an account, given by its `user_id`. */
export function accountLimit(userId: string): string {
  return ACCOUNT + userId;
}

/** Key of what is said about an API key, given by its id. */
export function apiKeyLimit(apiKey: string): string {
  return API_KEY + apiKey;
}

/** A key as it is meant; null when it cannot be one: `checkLimitKey` says why. */
export function parseLimitKey(text: string): LimitKey | null {
  if (!isPlain(text) || text.length > LIMIT_BOUNDS.keyLength) return null;
  if (text.startsWith(DESTINATION)) {
    const origin = originOf(text.slice(DESTINATION.length));
    if (origin === null) return null;
    // An international name is longer as it is told to the network.
    const key = destinationLimit(origin);
    return key.length > LIMIT_BOUNDS.keyLength ? null : { kind: 'destination', key, origin };
  }
  if (text.startsWith(ACCOUNT)) {
    const userId = text.slice(ACCOUNT.length);
    const isUser = userId !== '' && userId.length <= LIMIT_BOUNDS.userIdLength;
    return isUser ? { kind: 'account', key: text, userId } : null;
  }
  if (text.startsWith(API_KEY)) {
    const apiKey = text.slice(API_KEY.length).toLowerCase();
    return IDENTIFIER.test(apiKey) ? { kind: 'api_key', key: apiKeyLimit(apiKey), apiKey } : null;
  }
  // A path cannot end with a segment of dots.
  const isName = text !== '' && text !== '.' && text !== '..';
  return isName && text.length <= LIMIT_BOUNDS.nameLength ? { kind: 'custom', key: text } : null;
}

/** What is wrong with a key; empty when nothing is. */
export function checkLimitKey(text: string): readonly Problem[] {
  if (parseLimitKey(text) !== null) return [];
  return [{ path: 'key', message: 'is not the key of a limit', expected: expectedFor(text) }];
}

function expectedFor(text: string): string {
  if (text.startsWith(DESTINATION)) {
    return `${DESTINATION} and an origin such as https://api.example.com`;
  }
  if (text.startsWith(ACCOUNT)) {
    return `${ACCOUNT} and a user_id of 1 to ${LIMIT_BOUNDS.userIdLength} characters`;
  }
  if (text.startsWith(API_KEY)) return `${API_KEY} and the id of an API key, or ${API_KEY}self`;
  return `1 to ${LIMIT_BOUNDS.nameLength} characters, no control characters, not "." or ".."`;
}

function isPlain(text: string): boolean {
  return !/\p{Cc}|\p{Cs}/u.test(text);
}

function originOf(address: string): string | null {
  if (!/^https?:\/\/[^/?#@\\\s]+\/?$/i.test(address)) return null;
  try {
    return new URL(address).origin;
  } catch {
    return null;
  }
}
