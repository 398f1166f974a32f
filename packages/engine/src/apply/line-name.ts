import { MOST_PARTS } from '../cluster/split-key.ts';

/**
 * The line in which a call stands: its origin, and behind it the limits that the call counts against
 * beside its destination. Calls of one line count against the very same keys, so that one which is held
 * back holds back nobody that it should not.
 */
export interface LineName {
  readonly origin: string;
  /** Of an origin that is divided by account; absent or 0: the one that is at home with the origin itself. */
  readonly part?: number;
  /** Keys of limits as resources, each once. */
  readonly limits: readonly string[];
}

/** The line's name as the store keeps it. An origin has neither a space nor a `#`, so nothing can be mixed up. */
export function lineName({ origin, part = 0, limits }: LineName): string {
  const place = part === 0 ? origin : `${origin}#${part}`;
  return limits.length === 0 ? place : `${place} ${JSON.stringify(limits.toSorted())}`;
}

/** A name that is not ours is taken for an origin. */
export function parseLineName(name: string): LineName {
  const end = name.indexOf(' ');
  const place = end === -1 ? name : name.slice(0, end);
  const limits = end === -1 ? [] : limitsOf(name.slice(end + 1));
  const mark = place.indexOf('#');
  if (mark === -1) return { origin: place, limits };
  return { origin: place.slice(0, mark), part: partNumber(place.slice(mark + 1)), limits };
}

/** The part that a line's name tells; 0 for what is none of ours. */
export function partNumber(text: string): number {
  const part = Number(text);
  return Number.isInteger(part) && part > 0 && part < MOST_PARTS ? part : 0;
}

function limitsOf(text: string): readonly string[] {
  let limits: unknown;
  try {
    limits = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(limits) ? limits.filter((limit) => typeof limit === 'string') : [];
}
