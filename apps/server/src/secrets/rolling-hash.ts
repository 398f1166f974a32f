import { randomInt } from 'node:crypto';

const base = (): number => (randomInt(2 ** 31) << 1) | 1;

/** Two bases that nobody outside can know: what collides under both cannot be made on purpose. */
const FIRST = base();
const SECOND = base();

/** The bases to the power of a length. */
export interface Powers {
  readonly first: number;
  readonly second: number;
}

/** The hashes of one stretch of text. */
export interface StretchHash {
  readonly first: number;
  readonly second: number;
}

const known: Powers[] = [{ first: 1, second: 1 }];

export function powersOf(length: number): Powers {
  for (let last = known.length; last <= length; last += 1) {
    const { first, second } = known[last - 1] ?? { first: 1, second: 1 };
    known.push({ first: Math.imul(first, FIRST), second: Math.imul(second, SECOND) });
  }
  return known[length] ?? { first: 1, second: 1 };
}

/** Hashes of every stretch of a text, each in the same time however long it is. */
export class RollingHash {
  readonly #first: Int32Array;
  readonly #second: Int32Array;

  constructor(text: string) {
    this.#first = new Int32Array(text.length + 1);
    this.#second = new Int32Array(text.length + 1);
    let first = 0;
    let second = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at) + 1;
      first = (Math.imul(first, FIRST) + code) | 0;
      second = (Math.imul(second, SECOND) + code) | 0;
      this.#first[at + 1] = first;
      this.#second[at + 1] = second;
    }
  }

  first(at: number, length: number, power: number): number {
    return stretch(this.#first, at, length, power);
  }

  second(at: number, length: number, power: number): number {
    return stretch(this.#second, at, length, power);
  }

  of(at: number, length: number): StretchHash {
    const { first, second } = powersOf(length);
    return { first: this.first(at, length, first), second: this.second(at, length, second) };
  }
}

function stretch(hashes: Int32Array, at: number, length: number, power: number): number {
  return ((hashes[at + length] ?? 0) - Math.imul(hashes[at] ?? 0, power)) | 0;
}
