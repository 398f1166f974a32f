import {
  type HiddenSpelling,
  type HiddenValue,
  LONG_START,
  SHORTEST_PIECE,
} from './hidden-value.ts';
import { powersOf, RollingHash } from './rolling-hash.ts';
import { SHORTEST_SPELLING } from './spellings.ts';

/** Spellings of one length that begin alike, by the first of their hashes. */
interface Group {
  readonly length: number;
  readonly byHash: Map<number, Found>;
}

interface Found extends HiddenSpelling {
  readonly shown: string;
}

/** Spellings that begin with the same characters. */
interface Start {
  /** Those shorter than a long start, the longest first. */
  readonly short: Group[];
  /** The others by their long starts, each list the longest first. */
  readonly long: Map<number, Group[]>;
}

const FILTER_BITS = 16;

/**
 * Finds hidden values in texts. The work goes by the length of the text, and hardly by how many values there
 * are: where no spelling begins, which is nearly everywhere, one look is all.
 */
export class ValueFinder {
  readonly #filter = new Uint8Array(1 << FILTER_BITS);
  readonly #starts = new Map<number, Start>();
  /** Of beginnings too short to be a start, by their lengths. */
  readonly #pieces = new Map<number, Set<number>>();
  #longest = 0;

  constructor(values: readonly HiddenValue[]) {
    for (const { shown, spellings } of values) {
      for (const spelling of spellings) this.#add({ ...spelling, shown });
    }
    for (const { short, long } of this.#starts.values()) {
      for (const groups of [short, ...long.values()]) groups.sort((a, b) => b.length - a.length);
    }
  }

  /** The text with what is shown in the place of each value. Values that overlap are one. */
  masked(text: string): string {
    if (text.length < SHORTEST_SPELLING) return text;
    const hash = new RollingHash(text);
    const { first: power } = powersOf(SHORTEST_SPELLING);
    const pieces: string[] = [];
    let copied = 0;
    let end = 0;
    for (let at = 0; at <= text.length - SHORTEST_SPELLING; at += 1) {
      const start = this.#startAt(hash.first(at, SHORTEST_SPELLING, power));
      const found = start === undefined ? undefined : this.#longestAt(hash, text.length, at, start);
      if (found === undefined) continue;
      if (at >= end) {
        pieces.push(text.slice(copied, at), found.shown);
        end = at;
      }
      end = Math.max(end, at + found.length);
      copied = end;
    }
    return pieces.length === 0 ? text : pieces.join('') + text.slice(copied);
  }

  /** The text without the piece of a value at its end: where a body was cut, one may have been cut off there. */
  withoutPiece(text: string): string {
    const tail = text.slice(Math.max(0, text.length - this.#longest));
    const hash = new RollingHash(tail);
    const { first: power } = powersOf(SHORTEST_SPELLING);
    const before = text.length - tail.length;
    for (let at = 0; at <= tail.length - SHORTEST_SPELLING; at += 1) {
      const start = this.#startAt(hash.first(at, SHORTEST_SPELLING, power));
      if (start !== undefined && goesOn(hash, tail.length, at, start)) {
        return text.slice(0, before + at);
      }
    }
    for (let length = SHORTEST_SPELLING - 1; length >= SHORTEST_PIECE; length -= 1) {
      if (tail.length < length) continue;
      const { first } = hash.of(tail.length - length, length);
      if (this.#pieces.get(length)?.has(first) === true) return text.slice(0, -length);
    }
    return text;
  }

  #add(found: Found): void {
    const { start, longStart, length, pieces } = found;
    this.#filter[filterPlace(start)] = 1;
    this.#longest = Math.max(this.#longest, length);
    const same = this.#starts.get(start) ?? { short: [], long: new Map<number, Group[]>() };
    this.#starts.set(start, same);
    const groups = longStart === null ? same.short : (same.long.get(longStart) ?? []);
    if (longStart !== null) same.long.set(longStart, groups);
    let group = groups.find((one) => one.length === length);
    if (group === undefined) {
      group = { length, byHash: new Map() };
      groups.push(group);
    }
    group.byHash.set(found.first, found);
    for (const [index, piece] of pieces.entries()) {
      const known = this.#pieces.get(SHORTEST_PIECE + index) ?? new Set();
      this.#pieces.set(SHORTEST_PIECE + index, known.add(piece));
    }
  }

  #startAt(start: number): Start | undefined {
    return this.#filter[filterPlace(start)] === 1 ? this.#starts.get(start) : undefined;
  }

  #longestAt(hash: RollingHash, end: number, at: number, start: Start): Found | undefined {
    if (start.long.size > 0 && at + LONG_START <= end) {
      const groups = start.long.get(hash.of(at, LONG_START).first);
      const found = groups === undefined ? undefined : longestOf(groups, hash, end, at);
      if (found !== undefined) return found;
    }
    return longestOf(start.short, hash, end, at);
  }
}

function longestOf(
  groups: readonly Group[],
  hash: RollingHash,
  end: number,
  at: number,
): Found | undefined {
  for (const { length, byHash } of groups) {
    if (at + length > end) continue;
    const { first, second } = powersOf(length);
    const found = byHash.get(hash.first(at, length, first));
    if (found !== undefined && found.second === hash.second(at, length, second)) return found;
  }
  return undefined;
}

/** Whether a spelling that begins here would go on behind the end. */
function goesOn(hash: RollingHash, end: number, at: number, { short, long }: Start): boolean {
  const left = end - at;
  if (left < LONG_START) return long.size > 0 || (short[0]?.length ?? 0) > left;
  const groups = long.get(hash.of(at, LONG_START).first);
  return (groups?.[0]?.length ?? 0) > left;
}

function filterPlace(start: number): number {
  return start >>> (32 - FILTER_BITS);
}
