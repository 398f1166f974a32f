import { type Entered, type PathState, PathStates } from './path-states.ts';
import type { RedactionPath } from './redact-json.ts';

/** Levels of nesting that are looked through. */
const MOST_LEVELS = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** An object or a list that the walk is within. */
interface Level {
  readonly isList: boolean;
  readonly state: PathState;
  /** Of a list: the place that comes next. */
  place: number;
}

/** One walk along a text that is known to be JSON, from its first character to its last. */
export class RedactionWalk {
  readonly #text: string;
  readonly #states: PathStates;
  readonly #shown: string;
  readonly #levels: Level[] = [];
  readonly #pieces: string[] = [];
  #at = 0;
  /** Up to where the text is in the pieces. */
  #copied = 0;

  constructor(text: string, paths: readonly RedactionPath[], shown: string) {
    this.#text = text;
    this.#states = new PathStates(paths);
    this.#shown = shown;
  }

  /** The text with what is shown in the place of each value that a path leads to; null: it is too deep. */
  run(): string | null {
    this.#pass();
    this.#value(this.#states.start);
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      this.#pass();
      const code = this.#text.charCodeAt(this.#at);
      if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
        this.#at += 1;
        this.#levels.pop();
        continue;
      }
      this.#value(this.#entered(level));
      if (this.#levels.length > MOST_LEVELS) return null;
    }
    if (this.#pieces.length === 0) return this.#text;
    this.#pieces.push(this.#text.slice(this.#copied));
    return this.#pieces.join('');
  }

  /** Goes to the value of what comes next in this level. */
  #entered(level: Level): Entered {
    const { isList, state } = level;
    if (isList) {
      level.place += 1;
      return this.#states.place(state, level.place - 1);
    }
    const start = this.#at;
    this.#skipString();
    const quoted = this.#text.slice(start, this.#at);
    this.#pass();
    const name: unknown = quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1);
    return this.#states.member(state, String(name));
  }

  #value(entered: Entered): void {
    const code = this.#text.charCodeAt(this.#at);
    if (entered === 'hit') {
      this.#pieces.push(this.#text.slice(this.#copied, this.#at), this.#shown);
      this.#skipValue();
      this.#copied = this.#at;
    } else if (entered === 'nothing' || (code !== OPEN_LIST && code !== OPEN_OBJECT)) {
      this.#skipValue();
    } else {
      this.#levels.push({ isList: code === OPEN_LIST, state: entered.slice(), place: 0 });
      this.#at += 1;
    }
  }

  /** Goes over what stands between values. */
  #pass(): void {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const code = this.#text.charCodeAt(this.#at);
      if (code > 0x20 && code !== COMMA && code !== COLON) return;
    }
  }

  #skipValue(): void {
    let depth = 0;
    do {
      const code = this.#text.charCodeAt(this.#at);
      if (code === QUOTE) {
        this.#skipString();
        continue;
      }
      if (code === OPEN_LIST || code === OPEN_OBJECT) depth += 1;
      if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1;
      this.#at += 1;
      if (depth === 0 && isScalar(code)) this.#skipScalar();
    } while (depth > 0 && this.#at < this.#text.length);
  }

  /** Goes over the rest of a number or a word. */
  #skipScalar(): void {
    while (this.#at < this.#text.length && isScalar(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  #skipString(): void {
    this.#at += 1;
    for (; this.#at < this.#text.length; this.#at += 1) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === BACKSLASH) this.#at += 1;
      else if (code === QUOTE) break;
    }
    this.#at += 1;
  }
}

/** Whether a character stands within a number or a word: nothing of it ends one. */
function isScalar(code: number): boolean {
  switch (code) {
    case QUOTE:
    case COMMA:
    case COLON:
    case OPEN_LIST:
    case CLOSE_LIST:
    case OPEN_OBJECT:
    case CLOSE_OBJECT:
      return false;
    default:
      return code > 0x20;
  }
}
