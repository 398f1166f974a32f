import type { Awaitable } from '../../awaitable.ts';
import type { Problem } from '../../protocol/wire-error.ts';

/** A request whose sender is to be proved. */
export interface SignedMessage {
  /** The bytes as they came. */
  readonly body: Uint8Array;
  /** Value of a header, whatever the case of its name. */
  header(name: string): string | null | undefined;
  /** What the adapter passed along. */
  readonly context: unknown;
  /** The receiver's `secrets`; none when it has none. Rejects when they cannot be had or used. */
  secrets(): Awaitable<readonly string[]>;
  /** Difference allowed between the signature's time and now, in seconds, either way. */
  readonly toleranceSeconds: number;
  /** The time now, in milliseconds since the epoch. */
  readonly now: () => number;
}

export type SchemeVerdict =
  /** The message is not signed in this way, or there is no key for it. */
  | { readonly state: 'absent' }
  | {
      readonly state: 'valid';
      /** An id that the signature covers and that stays when the message is sent again. */
      readonly signedId: string | null;
    }
  | { readonly state: 'refused'; readonly reason: string };

/** A way to sign webhooks that a receiver accepts. */
export interface SignatureScheme {
  readonly name: string;
  /**
   * Everything that keeps it from ever accepting anything, as paths below the scheme itself.
   *
   * @param secrets - The receiver's `secrets`: values, a function, or undefined.
   */
  findProblems(secrets: unknown): readonly Problem[];
  /**
   * At once, or as a promise where something has to be waited for. Throws or rejects only for what is wrong
   * on this side, such as keys that cannot be had.
   */
  verify(message: SignedMessage): Awaitable<SchemeVerdict>;
}

export const ABSENT: SchemeVerdict = { state: 'absent' };

export function refusedFor(reason: string): SchemeVerdict {
  return { state: 'refused', reason };
}
