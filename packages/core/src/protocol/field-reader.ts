import type { JsonValue, Metadata } from './job.ts';
import type { Problem } from './wire-error.ts';

const MAX_ID_LENGTH = 512;
const MAX_LIST = 1_000;

/** Reads typed fields of one object and notes each that is not what it should be. */
export class FieldReader {
  readonly problems: Problem[];
  readonly #source: JsonValue;
  readonly #fields: Metadata | null;
  readonly #place: string;

  constructor(source: JsonValue, place: string, problems: Problem[]) {
    this.#source = source;
    this.#fields = isObject(source) ? source : null;
    this.#place = place;
    this.problems = problems;
  }

  /** The field, or the source itself for the empty name; undefined when absent or null. */
  value(name: string): JsonValue | undefined {
    if (name === '') return this.#source ?? undefined;
    if (this.#fields === null) return undefined;
    const value = this.#fields[name];
    // Most are absent, and that is seen by one look already.
    if (value === undefined || value === null) return undefined;
    return Object.hasOwn(this.#fields, name) ? value : undefined;
  }

  report(name: string, expected: string): void {
    const value = this.value(name);
    const message = value === undefined ? 'is missing' : `is ${nameOf(value)}`;
    this.problems.push({ path: this.#pathOf(name), message, expected });
  }

  text(name: string): string | null {
    const value = this.value(name);
    if (typeof value === 'string') return value;
    if (value !== undefined) this.report(name, 'a string');
    return null;
  }

  identifier(name: string): string | null {
    const text = this.text(name);
    if (text === null || (text !== '' && text.length <= MAX_ID_LENGTH)) return text;
    const message = text === '' ? 'is empty' : `has ${text.length} characters`;
    const expected = `1 to ${MAX_ID_LENGTH} characters`;
    this.problems.push({ path: this.#pathOf(name), message, expected });
    return null;
  }

  required(name: string): string {
    if (this.value(name) === undefined) this.report(name, 'a string that is not empty');
    return this.identifier(name) ?? '';
  }

  integer(name: string, least: number): number | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
    this.report(name, `a whole number, at least ${least}`);
    return null;
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | null {
    const value = this.value(name);
    const word = words.find((each) => each === value);
    if (word === undefined) this.report(name, words.map((each) => `"${each}"`).join(' or '));
    return word ?? null;
  }

  object(name: string): Metadata | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (isObject(value)) return value;
    this.report(name, 'a JSON object');
    return null;
  }

  list<Item>(name: string, read: (item: FieldReader) => Item): readonly Item[] | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (!isList(value) || value.length > MAX_LIST) {
      this.report(name, `an array of at most ${MAX_LIST} entries`);
      return null;
    }
    return value.map((item, index) => {
      const place = `${this.#pathOf(name)}[${index}]`;
      return read(new FieldReader(item, place, this.problems));
    });
  }

  /** Some senders give a header that came twice as an array. */
  headers(name: string): Readonly<Record<string, string>> {
    const entries = Object.entries(this.object(name) ?? {}).flatMap(([header, value]) => {
      const values = isList(value) ? value : [value];
      if (values.every((each) => typeof each === 'string')) {
        return [[header, values.join(', ')] as const];
      }
      const message = `is ${nameOf(value)}`;
      const path = `${this.#pathOf(name)}.${header}`;
      this.problems.push({ path, message, expected: 'a string' });
      return [];
    });
    return Object.fromEntries(entries);
  }

  #pathOf(name: string): string {
    return this.#place === '' || name === '' ? this.#place + name : `${this.#place}.${name}`;
  }
}

export function isObject(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Names a value without repeating it at length: what a sender wrote may be large or secret. */
export function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'an object' : typeof value;
}
