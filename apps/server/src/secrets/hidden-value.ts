import { RollingHash, type StretchHash } from './rolling-hash.ts';
import { SHORTEST_SPELLING, spellingsOf } from './spellings.ts';

/** Shorter pieces than this of a value that was cut off at the end are left: they tell too little. */
export const SHORTEST_PIECE = 4;
/** With so many characters spellings are told apart that begin alike. */
export const LONG_START = 16;

/** One way that a value is spelled, as hashes: nothing of the value stays in memory. */
export interface HiddenSpelling extends StretchHash {
  readonly length: number;
  /** Of its first `SHORTEST_SPELLING` characters. */
  readonly start: number;
  /** Of its first `LONG_START` characters; null: it is shorter. */
  readonly longStart: number | null;
  /** Of its first characters, from `SHORTEST_PIECE` on, as far as those are less than a start. */
  readonly pieces: readonly number[];
}

/** A value that must not be seen, and what is shown in its place. */
export interface HiddenValue {
  readonly shown: string;
  readonly spellings: readonly HiddenSpelling[];
}

export function hiddenValue(name: string, value: string): HiddenValue {
  return { shown: `[secret ${name}]`, spellings: spellingsOf(value).map(hiddenSpelling) };
}

function hiddenSpelling(text: string): HiddenSpelling {
  const hash = new RollingHash(text);
  const lengths = Array.from(
    { length: SHORTEST_SPELLING - SHORTEST_PIECE },
    (_, index) => SHORTEST_PIECE + index,
  );
  return {
    ...hash.of(0, text.length),
    length: text.length,
    start: hash.of(0, SHORTEST_SPELLING).first,
    longStart: text.length < LONG_START ? null : hash.of(0, LONG_START).first,
    pieces: lengths.map((length) => hash.of(0, length).first),
  };
}
