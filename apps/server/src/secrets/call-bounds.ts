import { LIMITS } from '@ezthrottle/core/protocol';
import { type AttemptCall, sizeWithSecrets } from '@ezthrottle/engine';
import { bodySpelling } from './body-spelling.ts';

export type ReferringCall = Pick<AttemptCall, 'url' | 'headers' | 'body'>;

/** A part of a call that its secrets make longer than it may be. */
export interface Excess {
  readonly part: 'url' | 'headers' | 'body';
  /** Characters of the address, else bytes. */
  readonly most: number;
}

/**
 * Parts of a call that are too long once secrets stand in them. Reckoned from lengths, before anything is put
 * together: a reference of a few bytes may stand for thousands.
 */
export function excessOf(
  { url, headers, body }: ReferringCall,
  valueOf: (name: string) => string,
  maxBodyBytes: number,
): readonly Excess[] {
  const excess: Excess[] = [];
  const inUrl = remembered((name) => encodeURIComponent(valueOf(name)).length);
  if (sizeWithSecrets(url, (text) => text.length, inUrl) > LIMITS.urlLength) {
    excess.push({ part: 'url', most: LIMITS.urlLength });
  }
  const inHeaders = remembered((name) => valueOf(name).length);
  const ofHeaders = Object.entries(headers).map(
    ([name, value]) => name.length + sizeWithSecrets(value, (text) => text.length, inHeaders),
  );
  if (ofHeaders.reduce((sum, size) => sum + size, 0) > LIMITS.headerBytes) {
    excess.push({ part: 'headers', most: LIMITS.headerBytes });
  }
  if (body?.encoding !== 'utf8') return excess;
  const spelled = bodySpelling(headers, body.data);
  const inBody = remembered((name) => Buffer.byteLength(spelled(valueOf(name))));
  const size = sizeWithSecrets(body.data, (text) => Buffer.byteLength(text), inBody);
  // What was taken under a larger bound is still sent.
  const most = Math.max(maxBodyBytes, Buffer.byteLength(body.data));
  if (size > most) excess.push({ part: 'body', most });
  return excess;
}

function remembered(sizeOf: (name: string) => number): (name: string) => number {
  const known = new Map<string, number>();
  return (name) => {
    const size = known.get(name) ?? sizeOf(name);
    known.set(name, size);
    return size;
  };
}
