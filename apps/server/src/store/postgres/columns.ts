import { Rejection } from '../rows/rejection.ts';
import type { SqlValue } from './database.ts';

/** What a column holds, by PostgreSQL's name of the type. */
interface ValueOf {
  readonly int2: number;
  readonly int4: number;
  readonly int8: number;
  readonly bool: boolean;
  readonly text: string;
  readonly bytea: Uint8Array;
  readonly uuid: string;
}

type ColumnType = keyof ValueOf;

type Shape = Readonly<Record<string, ColumnType>>;

export type RowOf<Of extends Shape> = { readonly [Name in keyof Of]: ValueOf[Of[Name]] | null };

/** Writes one value into a buffer that is large enough, and gives the place behind it. */
interface Codec<Value> {
  readonly oid: number;
  sizeOf(value: Value): number;
  write(target: Buffer, at: number, value: Value): void;
  /** @throws Rejection when the column cannot hold the value. */
  check(value: Value, name: string): void;
}

/**
 * Rows of one kind that are written by one statement, column by column, in PostgreSQL's binary form of
 * arrays: what the driver would write as text costs several times as much to write and to read.
 */
export class Columns<Of extends Shape> {
  readonly #columns: readonly Column[];
  #length = 0;
  #weight = 0;

  constructor(shape: Of) {
    this.#columns = Object.entries(shape).map(([name, type]) => columnOf(name, type));
  }

  get length(): number {
    return this.#length;
  }

  /** How much was added so far, about in bytes. */
  get weight(): number {
    return this.#weight;
  }

  /** @throws Rejection when a value does not fit its column; then nothing was added. */
  add(row: RowOf<Of>): void {
    const values: Readonly<Record<string, unknown>> = row;
    let added = 0;
    try {
      for (const column of this.#columns) {
        const value = values[column.name];
        column.add(value);
        added += 1;
        this.#weight += weightOf(value);
      }
    } catch (error) {
      for (const column of this.#columns.slice(0, added)) column.cut(this.#length);
      throw error;
    }
    this.#length += 1;
  }

  /** Forgets the rows from this number on. */
  cut(length: number): void {
    for (const column of this.#columns) column.cut(length);
    this.#length = length;
  }

  /** One value for each column, in the order of the shape. */
  values(): readonly SqlValue[] {
    return this.#columns.map((column) => column.encoded());
  }
}

/** `unnest($1::int8[], …) AS name (a, …)`: the rows of a shape whose first column is this parameter. */
export function unnested(name: string, shape: Shape, first = 1): string {
  const names = Object.keys(shape);
  const parameters = Object.values(shape).map((type, index) => `$${first + index}::${type}[]`);
  return `unnest(${parameters.join(', ')}) AS ${name} (${names.join(', ')})`;
}

/** One list as a value. @throws Rejection when a value does not fit. */
export function listOf<Type extends ColumnType>(
  type: Type,
  values: readonly (ValueOf[Type] | null)[],
): SqlValue {
  const column = columnOf('list', type);
  for (const value of values) column.add(value);
  return column.encoded();
}

/** Long values are what counts; of the others, any number will do. */
function weightOf(value: unknown): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
}

interface Column {
  readonly name: string;
  add(value: unknown): void;
  cut(length: number): void;
  encoded(): Buffer;
}

function columnOf(name: string, type: ColumnType): Column {
  switch (type) {
    case 'int2':
      return column(name, isNumber, INT2);
    case 'int4':
      return column(name, isNumber, INT4);
    case 'int8':
      return column(name, isNumber, INT8);
    case 'bool':
      return column(name, (value) => typeof value === 'boolean', BOOL);
    case 'text':
      return column(name, isText, TEXT);
    case 'bytea':
      return column(name, (value) => value instanceof Uint8Array, BYTEA);
    case 'uuid':
      return column(name, isText, UUID);
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

const HEADER_BYTES = 20;

function column<Value>(
  name: string,
  isOfType: (value: unknown) => value is Value,
  codec: Codec<Value>,
): Column {
  const values: (Value | null)[] = [];
  let bytes = 0;
  return {
    name,
    add(value) {
      if (value !== null) {
        if (!isOfType(value)) throw new Rejection(`${name}: a value of another type`);
        codec.check(value, name);
        values.push(value);
      } else {
        values.push(null);
      }
    },
    cut(length) {
      values.length = length;
    },
    encoded() {
      bytes = HEADER_BYTES;
      let nulls = 0;
      for (const value of values) {
        if (value === null) nulls = 1;
        bytes += 4 + (value === null ? 0 : codec.sizeOf(value));
      }
      const target = Buffer.allocUnsafe(bytes);
      // One dimension, whether there are nulls, the type, how many, counted from 1.
      target.writeInt32BE(values.length === 0 ? 0 : 1, 0);
      target.writeInt32BE(nulls, 4);
      target.writeInt32BE(codec.oid, 8);
      if (values.length === 0) return target.subarray(0, 12);
      target.writeInt32BE(values.length, 12);
      target.writeInt32BE(1, 16);
      let at = HEADER_BYTES;
      for (const value of values) {
        if (value === null) {
          target.writeInt32BE(-1, at);
          at += 4;
          continue;
        }
        const size = codec.sizeOf(value);
        target.writeInt32BE(size, at);
        codec.write(target, at + 4, value);
        at += 4 + size;
      }
      return target;
    },
  };
}

function wholeNumber(least: number, most: number): (value: number, name: string) => void {
  return (value, name) => {
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new Rejection(`${name}: expected a whole number from ${least} to ${most}`);
    }
  };
}

const INT2: Codec<number> = {
  oid: 21,
  sizeOf: () => 2,
  write: (target, at, value) => void target.writeInt16BE(value, at),
  check: wholeNumber(-32_768, 32_767),
};
const INT4: Codec<number> = {
  oid: 23,
  sizeOf: () => 4,
  write: (target, at, value) => void target.writeInt32BE(value, at),
  check: wholeNumber(-2_147_483_648, 2_147_483_647),
};
const INT8: Codec<number> = {
  oid: 20,
  sizeOf: () => 8,
  write(target, at, value) {
    // Two halves: numbers of this length cost an allocation each as a BigInt.
    const high = Math.floor(value / 0x1_0000_0000);
    target.writeInt32BE(high, at);
    target.writeUInt32BE(value - high * 0x1_0000_0000, at + 4);
  },
  check: wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
};
const BOOL: Codec<boolean> = {
  oid: 16,
  sizeOf: () => 1,
  write: (target, at, value) => void target.writeUInt8(value ? 1 : 0, at),
  check: () => {},
};
const TEXT: Codec<string> = {
  oid: 25,
  sizeOf: (value) => Buffer.byteLength(value),
  write: (target, at, value) => void target.write(value, at),
  check(value, name) {
    if (value.includes('\u0000')) throw new Rejection(`${name}: a zero byte cannot be kept`);
  },
};
const BYTEA: Codec<Uint8Array> = {
  oid: 17,
  sizeOf: (value) => value.byteLength,
  write: (target, at, value) => target.set(value, at),
  check: () => {},
};

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const UUID: Codec<string> = {
  oid: 2950,
  sizeOf: () => 16,
  write(target, at, value) {
    target.write(value.replaceAll('-', ''), at, 'hex');
  },
  check(value, name) {
    if (!UUID_PATTERN.test(value)) {
      throw new Rejection(`${name}: expected a UUID in lower case with dashes`);
    }
  },
};
