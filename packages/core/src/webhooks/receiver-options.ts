import { afterTimeout } from '#after-timeout';
import type { Delivery } from '../protocol/decode-delivery.ts';
import {
  findOptionProblems,
  wantFunction,
  wantYesOrNo,
  type OptionCheck,
} from '../option-checks.ts';
import { LIMITS } from '../protocol/limits.ts';
import { SIGNATURE_TOLERANCE_SECONDS } from '../protocol/signature.ts';
import type { Problem } from '../protocol/wire-error.ts';
import type { ContinuationRunner } from './continuation-runner.ts';
import { DedupeMemory } from './dedupe-memory.ts';
import type { ClaimStore, DedupeStore } from './dedupe-store.ts';
import { ReceiverConfigurationError } from './errors.ts';
import type { DeliveryHandler } from './delivery-handler.ts';
import { MAX_REMEMBERED } from './memory-dedupe-store.ts';
import type { Refusal } from './receiver-answer.ts';
import { findSenderProblems, schemesOf } from './schemes/allowed-schemes.ts';
import type { SignatureScheme } from './schemes/signature-scheme.ts';
import type { WebhookSecretsSource } from './webhook-verifier.ts';

export interface ReceiverOptions {
  /** Webhook secrets that are good now, the newest first; each has at least 16 characters. */
  readonly secrets?: WebhookSecretsSource;
  /**
   * The ways of signing that are accepted, and no other; a request is genuine when one of them says so.
   * Default: `ezthrottleSignature()` and `standardWebhooks()`, the two in which servers of this project
   * sign with these `secrets`.
   */
  readonly schemes?: readonly SignatureScheme[];
  /**
   * DANGEROUS: takes deliveries that nobody has signed, from anyone who can reach the receiver. Only for
   * a server that cannot sign, on a network that nobody else is on. What is signed in one of the
   * `schemes`, but wrongly, is refused all the same. Default false.
   */
  readonly allowUnsigned?: boolean;
  /** Handlers that are there from the start; `receiver.on(…)` adds more. */
  readonly on?: {
    readonly success?: DeliveryHandler;
    readonly failed?: DeliveryHandler;
    readonly any?: DeliveryHandler;
  };
  /**
   * Remembers what was handled. Default: in this process, which is enough for one process only;
   * several instances of an application need a store that they share.
   */
  readonly dedupe?: DedupeStore;
  /** How long a handled delivery is remembered, in milliseconds. Default 7 days. */
  readonly dedupeTtlMs?: number;
  /** How long a claim holds when its process dies, in milliseconds. Default 60 000. */
  readonly leaseMs?: number;
  /**
   * Time for one delivery, from when its body has come until its last handler ends, in milliseconds; less
   * than the lease. As long may the body take before that. Default 25 000.
   */
  readonly handlerTimeoutMs?: number;
  /**
   * How long each call of the dedupe store may take, and getting secrets and keys; in milliseconds, not
   * more than `handlerTimeoutMs`. Default 5 000, or `handlerTimeoutMs` when that is less.
   */
  readonly storeTimeoutMs?: number;
  /** Difference allowed between a signature's time and now, in seconds. Default 300. */
  readonly toleranceSeconds?: number;
  /** Bytes of a body that are accepted. Default 8 MiB. */
  readonly maxBodyBytes?: number;
  /** Carries on step trees of this application: `client.continuations`. */
  readonly continuations?: ContinuationRunner;
  /**
   * Told of a delivery that no handler, no continuation and no `waitFor` was there for. It is
   * acknowledged all the same. Default: nobody.
   */
  readonly onUnhandled?: DeliveryHandler;
  /** Calls of `waitFor` that may wait at the same time. Default 10 000. */
  readonly maxWaiters?: number;
  /** Told of everything that failed on this side; the sender never is. Default: `console.error`. */
  readonly onError?: (error: unknown, about: ErrorContext) => unknown;
  /** Told of every delivery that was refused: a wrong secret shows here. Default: nobody. */
  readonly onRefused?: (refusal: Refusal) => unknown;
  /** The time now, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
  /** Calls back after a delay in milliseconds, unless cancelled. Default `setTimeout`. */
  readonly after?: (delayMs: number, callback: () => void) => () => void;
}

export interface ErrorContext {
  /** The delivery that was being handled; null when the error came before one was read. */
  readonly delivery: Delivery | null;
}

/** The options with every default in place. */
export interface ReceiverSettings {
  readonly dedupe: ClaimStore;
  readonly dedupeTtlMs: number;
  readonly leaseMs: number;
  readonly handlerTimeoutMs: number;
  readonly storeTimeoutMs: number;
  readonly toleranceSeconds: number;
  readonly maxBodyBytes: number;
  readonly maxWaiters: number;
  readonly schemes: readonly SignatureScheme[];
  readonly allowUnsigned: boolean;
  readonly now: () => number;
  readonly after: (delayMs: number, callback: () => void) => () => void;
}

const WEEK_MS = 604_800_000;
const HANDLER_TIMEOUT_MS = 25_000;
const STORE_TIMEOUT_MS = 5_000;
const LONGEST_TIMER_MS = 2_147_483_647;

const HANDLERS = { success: wantFunction, failed: wantFunction, any: wantFunction };

const CHECKS: Readonly<Record<string, OptionCheck>> = {
  onError: wantFunction,
  onRefused: wantFunction,
  onUnhandled: wantFunction,
  allowUnsigned: wantYesOrNo,
  now: wantFunction,
  after: wantFunction,
  continuations: wantRunner,
};

function wantRunner(value: unknown, path: string): readonly Problem[] {
  if (value === undefined) return [];
  const isObject = typeof value === 'object' && value !== null;
  if (isObject && 'run' in value && typeof value.run === 'function') return [];
  return [{ path, message: 'cannot run', expected: 'what client.continuations() gives' }];
}

/** @throws {ReceiverConfigurationError} naming everything that is wrong. */
export function settleOptions(options: ReceiverOptions): ReceiverSettings {
  const { now = Date.now, handlerTimeoutMs = HANDLER_TIMEOUT_MS } = options;
  const settings: ReceiverSettings = {
    dedupe: options.dedupe ?? new DedupeMemory({ now, maxEntries: MAX_REMEMBERED }),
    dedupeTtlMs: options.dedupeTtlMs ?? WEEK_MS,
    leaseMs: options.leaseMs ?? 60_000,
    handlerTimeoutMs,
    storeTimeoutMs: options.storeTimeoutMs ?? Math.min(handlerTimeoutMs, STORE_TIMEOUT_MS),
    toleranceSeconds: options.toleranceSeconds ?? SIGNATURE_TOLERANCE_SECONDS,
    maxBodyBytes: options.maxBodyBytes ?? LIMITS.receiverBytes,
    maxWaiters: options.maxWaiters ?? 10_000,
    schemes: schemesOf(options),
    allowUnsigned: options.allowUnsigned === true,
    now,
    after: options.after ?? afterTimeout,
  };
  const problems = [
    ...findSenderProblems(options),
    ...findOptionProblems(options, CHECKS),
    ...findHandlerProblems(options.on),
    ...findDedupeProblems(settings.dedupe),
    ...findNumberProblems(settings),
  ];
  if (problems.length > 0) throw new ReceiverConfigurationError(problems);
  return settings;
}

function findNumberProblems(settings: ReceiverSettings): Problem[] {
  const { dedupeTtlMs, leaseMs, handlerTimeoutMs, storeTimeoutMs } = settings;
  const { toleranceSeconds, maxBodyBytes, maxWaiters } = settings;
  const problems: Problem[] = [];
  const check = (path: string, value: number, least: number, most: number): void => {
    if (Number.isFinite(value) && value >= least && value <= most) return;
    const expected = `a number from ${least} to ${most}`;
    problems.push({ path, message: `is ${String(value)}`, expected });
  };
  check('dedupeTtlMs', dedupeTtlMs, 1, Number.MAX_SAFE_INTEGER);
  check('leaseMs', leaseMs, 1, Number.MAX_SAFE_INTEGER);
  check('handlerTimeoutMs', handlerTimeoutMs, 1, LONGEST_TIMER_MS);
  check('storeTimeoutMs', storeTimeoutMs, 1, LONGEST_TIMER_MS);
  check('toleranceSeconds', toleranceSeconds, 0, Number.MAX_SAFE_INTEGER);
  check('maxBodyBytes', maxBodyBytes, 1, Number.MAX_SAFE_INTEGER);
  check('maxWaiters', maxWaiters, 0, Number.MAX_SAFE_INTEGER);
  if (storeTimeoutMs > handlerTimeoutMs) {
    problems.push({
      path: 'storeTimeoutMs',
      message: `is ${storeTimeoutMs}, so the time for handling could end with a claim only`,
      expected: `not more than handlerTimeoutMs (${handlerTimeoutMs})`,
    });
  }
  if (leaseMs <= handlerTimeoutMs) {
    problems.push({
      path: 'leaseMs',
      message: `is ${leaseMs}, so a claim could end while its handlers still run`,
      expected: `more than handlerTimeoutMs (${handlerTimeoutMs})`,
    });
  }
  return problems;
}

/** A handler under a name that does not exist would never run, and nobody would know. */
function findHandlerProblems(on: unknown): Problem[] {
  if (on === undefined) return [];
  const expected = 'an object with handlers under success, failed or any';
  if (typeof on !== 'object' || on === null) {
    return [{ path: 'on', message: 'is no object', expected }];
  }
  const unknown = Object.keys(on).filter((name) => !Object.hasOwn(HANDLERS, name));
  return [
    ...findOptionProblems(on, HANDLERS, 'on.'),
    ...unknown.map((name) => ({ path: `on.${name}`, message: 'is no end of a job', expected })),
  ];
}

function findDedupeProblems(store: ClaimStore): Problem[] {
  const isStore = (['begin', 'commit', 'release'] as const).every(
    (verb) => typeof store[verb] === 'function',
  );
  if (isStore) return [];
  const expected = 'a store with begin, commit and release, each atomic';
  return [{ path: 'dedupe', message: 'lacks a method', expected }];
}
