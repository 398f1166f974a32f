import { LIMITS } from '@ezthrottle/core/protocol';
import { cutText, isPacked, type Outcome, type StoredResponse } from '@ezthrottle/engine';
import type { HiddenValue } from './hidden-value.ts';
import { ValueFinder } from './value-finder.ts';

/** Takes values out of what a target has answered. */
export interface Mask {
  text(text: string): string;
  outcome(outcome: Outcome): Outcome;
  /** @param maxBytes Of the body: what is shown may be longer than the value was. */
  response(response: StoredResponse, maxBytes: number): StoredResponse;
}

type Headers = Readonly<Record<string, string>>;

/** Masks values in all of their spellings. What is spelled otherwise, or computed of a value, is not found. */
export function createMask(values: readonly HiddenValue[]): Mask {
  const finder = new ValueFinder(values);
  const text = (plain: string): string => finder.masked(plain);

  return {
    text,
    outcome(outcome) {
      switch (outcome.kind) {
        case 'response':
          return { ...outcome, headers: headersOf(outcome.headers) };
        case 'network_error':
        case 'timeout':
        case 'refused':
          return { ...outcome, message: text(outcome.message) };
        case 'aborted':
        case 'unknown':
          return outcome;
      }
    },
    response(response, maxBytes) {
      const headers = headersOf(response.headers);
      // Bytes that could not be decoded cannot be looked through either.
      if (isPacked(response.headers) && response.body !== '') {
        return { ...response, headers, body: '', bodyEncoding: 'utf8', truncated: true };
      }
      return { ...response, headers, ...bodyOf(response, maxBytes) };
    },
  };

  /** What grows by it beyond the bound of a request's headers is cut there. */
  function headersOf(headers: Headers): Headers {
    let left = Math.max(LIMITS.headerBytes, sizeOf(headers));
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => {
        const shown = [text(name), text(value).slice(0, Math.max(0, left))] as const;
        left -= shown[0].length + shown[1].length;
        return shown;
      }),
    );
  }

  function bodyOf(
    { body, bodyEncoding, truncated }: StoredResponse,
    maxBytes: number,
  ): Pick<StoredResponse, 'body' | 'truncated'> {
    const whole = (clean: string): string => (truncated ? finder.withoutPiece(clean) : clean);
    if (bodyEncoding === 'utf8') {
      const clean = whole(text(body));
      const cut = cutText(clean, maxBytes);
      return { body: cut, truncated: truncated || cut.length < clean.length };
    }
    const bytes = Buffer.from(body, 'base64').toString('latin1');
    const clean = whole(text(bytes));
    if (clean === bytes) return { body, truncated };
    const cut = Buffer.from(clean.slice(0, maxBytes), 'latin1').toString('base64');
    return { body: cut, truncated: truncated || clean.length > maxBytes };
  }
}

function sizeOf(headers: Headers): number {
  return Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    0,
  );
}
