import { Rejection } from '../rows/rejection.ts';
import type { SqlValue } from './database.ts';

/** What a column holds, by PostgreSQL's name of the type. */
interface ValueOf {
  readonly int2: number;
  readonly int4: number;
  readonly int8: number;
  readonly bool: boolean;
  readonly text: string;
  /** A text stands for its UTF-8. */
  readonly bytea: Uint8Array | string;
  /** As text, or its 16 bytes. */
  readonly uuid: string | Uint8Array;
}

type ColumnType = keyof ValueOf;

type Shape = Readonly<Record<string, ColumnType>>;

export type RowOf<Of extends Shape> = { readonly [Name in keyof Of]: ValueOf[Of[Name]] | null };

/** How the values of one type are measured and written: this runs some fifty times for each job. */
interface Codec<Value> {
  readonly oid: number;
  /** @throws Rejection when the column cannot hold the value. */
  accept(value: unknown, name: string): Value;
  sizeOf(value: Value): number;
  /** Into a buffer that is large enough. Gives how many bytes it wrote. */
  write(target: Buffer, at: number, value: Value): number;
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

  /** Bytes that were added so far, about. */
  get weight(): number {
    return this.#weight;
  }

  /** @throws Rejection when a value does not fit its column; then nothing was added. */
  add(row: RowOf<Of>): void {
    const values: Readonly<Record<string, unknown>> = row;
    try {
      for (const column of this.#columns) this.#weight += column.add(values[column.name]);
    } catch (error) {
      for (const column of this.#columns) column.cut(this.#length);
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

/**
 * `(SELECT unnest($1::int8[]) AS a, …) AS name`: the rows of a shape whose first column is this parameter. As
 * functions to select from, each list would be written down by itself before it is read.
 */
export function unnested(name: string, shape: Shape, first = 1): string {
  const lists = Object.entries(shape).map(
    ([column, type], index) => `unnest($${first + index}::${type}[]) AS ${column}`,
  );
  return `(SELECT ${lists.join(', ')}) AS ${name}`;
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

interface Column {
  readonly name: string;
  /** Gives the value's size in bytes. @throws Rejection when it does not fit. */
  add(value: unknown): number;
  /** Forgets the values from this number on. */
  cut(length: number): void;
  encoded(): Buffer;
}

function columnOf(name: string, type: ColumnType): Column {
  switch (type) {
    case 'int2':
      return column(name, INT2);
    case 'int4':
      return column(name, INT4);
    case 'int8':
      return column(name, INT8);
    case 'bool':
      return column(name, BOOL);
    case 'text':
      return column(name, TEXT);
    case 'bytea':
      return column(name, BYTEA);
    case 'uuid':
      return column(name, UUID);
  }
}

const HEADER_BYTES = 20;
/** Instead of a size: null. */
const NULL_SIZE = -1;

function column<Value>(name: string, codec: Codec<Value>): Column {
  const values: (Value | null)[] = [];
  let bytes = HEADER_BYTES;
  let nulls = 0;
  const sizeOf = (value: Value | null): number => 4 + (value === null ? 0 : codec.sizeOf(value));
  return {
    name,
    add(value) {
      const accepted = value === null ? null : codec.accept(value, name);
      const size = sizeOf(accepted);
      values.push(accepted);
      bytes += size;
      if (accepted === null) nulls += 1;
      return size;
    },
    cut(length) {
      for (const value of values.splice(length)) {
        bytes -= sizeOf(value);
        if (value === null) nulls -= 1;
      }
    },
    encoded() {
      const target = Buffer.allocUnsafe(bytes);
      // One dimension, whether there are nulls, the type, how many, counted from 1.
      writeInt32(target, 0, values.length === 0 ? 0 : 1);
      writeInt32(target, 4, nulls === 0 ? 0 : 1);
      writeInt32(target, 8, codec.oid);
      if (values.length === 0) return target.subarray(0, 12);
      writeInt32(target, 12, values.length);
      writeInt32(target, 16, 1);
      let at = HEADER_BYTES;
      for (const value of values) {
        const size = value === null ? NULL_SIZE : codec.write(target, at + 4, value);
        writeInt32(target, at, size);
        at += 4 + Math.max(size, 0);
      }
      return target;
    },
  };
}

function ofAnotherType(name: string): Rejection {
  return new Rejection(`${name}: a value of another type`);
}

function wholeNumber(least: number, most: number): (value: unknown, name: string) => number {
  return (value, name) => {
    if (typeof value !== 'number') throw ofAnotherType(name);
    if (!Number.isSafeInteger(value) || value < least || value > most) {
      throw new Rejection(`${name}: expected a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

/** Byte by byte: the values were checked, and need not be again. */
function writeInt32(target: Buffer, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

const INT2: Codec<number> = {
  oid: 21,
  accept: wholeNumber(-32_768, 32_767),
  sizeOf: () => 2,
  write(target, at, value) {
    target[at] = value >>> 8;
    target[at + 1] = value;
    return 2;
  },
};
const INT4: Codec<number> = {
  oid: 23,
  accept: wholeNumber(-2_147_483_648, 2_147_483_647),
  sizeOf: () => 4,
  write(target, at, value) {
    writeInt32(target, at, value);
    return 4;
  },
};
const INT8: Codec<number> = {
  oid: 20,
  accept: wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  sizeOf: () => 8,
  write(target, at, value) {
    // Two halves: numbers of this length cost an allocation each as a BigInt.
    const high = Math.floor(value / 0x1_0000_0000);
    writeInt32(target, at, high);
    writeInt32(target, at + 4, value - high * 0x1_0000_0000);
    return 8;
  },
};
const BOOL: Codec<boolean> = {
  oid: 16,
  accept(value, name) {
    if (typeof value !== 'boolean') throw ofAnotherType(name);
    return value;
  },
  sizeOf: () => 1,
  write(target, at, value) {
    target[at] = value ? 1 : 0;
    return 1;
  },
};
const TEXT: Codec<string> = {
  oid: 25,
  accept(value, name) {
    if (typeof value !== 'string') throw ofAnotherType(name);
    if (value.includes('\u0000')) throw new Rejection(`${name}: a zero byte cannot be kept`);
    return value;
  },
  sizeOf: (value) => Buffer.byteLength(value),
  write: (target, at, value) => target.write(value, at),
};
const BYTEA: Codec<Uint8Array | string> = {
  oid: 17,
  accept(value, name) {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw ofAnotherType(name);
    return value;
  },
  sizeOf: (value) => (typeof value === 'string' ? Buffer.byteLength(value) : value.byteLength),
  write(target, at, value) {
    if (typeof value === 'string') return target.write(value, at);
    target.set(value, at);
    return value.byteLength;
  },
};

const UUID_BYTES = 16;
const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Where in the text each byte stands. */
const UUID_PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;

const UUID: Codec<string | Uint8Array> = {
  oid: 2950,
  accept(value, name) {
    if (typeof value === 'string' && UUID_PATTERN.test(value)) return value;
    if (value instanceof Uint8Array && value.byteLength === UUID_BYTES) return value;
    throw new Rejection(`${name}: expected a UUID in lower case with dashes`);
  },
  sizeOf: () => UUID_BYTES,
  write(target, at, value) {
    if (typeof value === 'string') {
      let place = at;
      for (const digits of UUID_PLACES) {
        target[place] = (digitAt(value, digits) << 4) | digitAt(value, digits + 1);
        place += 1;
      }
    } else target.set(value, at);
    return UUID_BYTES;
  },
};

/** Of `0-9a-f`. */
function digitAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 0x61 ? code - 0x30 : code - 0x57;
}
