import type { Id } from '@ezthrottle/engine';
import type { Codes } from './codes.ts';
import { identifierText } from './identifier.ts';

/** A row as either driver gives it: by column name. */
export type Row = Readonly<Record<string, null | number | bigint | boolean | string | Uint8Array>>;

/** A stored row is not what this code writes: another program wrote to it, or it is damaged. */
class UnreadableRowError extends Error {
  readonly code = 'unreadable_row';
  override readonly name = 'UnreadableRowError';

  constructor(column: string, expected: string) {
    super(`column ${column} does not hold ${expected}`);
  }
}

// A mark at the beginning is a character like others.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new UnreadableRowError(column, 'an integer');
  return value;
}

export function optionalInteger(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

export function flag(row: Row, column: string): boolean {
  const value = row[column];
  return typeof value === 'boolean' ? value : integer(row, column) === 1;
}

/** Text, or its bytes in UTF-8: PostgreSQL's text cannot hold every character. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (value instanceof Uint8Array) return decoder.decode(value);
  if (typeof value !== 'string') throw new UnreadableRowError(column, 'text');
  return value;
}

export function optionalText(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** An identifier as its 16 bytes, or as PostgreSQL writes it. */
export function identifier(row: Row, column: string): Id {
  const value = row[column];
  if (typeof value === 'string') return value;
  if (!(value instanceof Uint8Array) || value.byteLength !== 16) {
    throw new UnreadableRowError(column, 'an identifier of 16 bytes');
  }
  return identifierText(value);
}

/** A word that is stored as its number. */
export function coded<Word>(row: Row, column: string, codes: Codes<Word>): Word {
  const found = codes.wordOf(integer(row, column));
  if (found === undefined) throw new UnreadableRowError(column, 'a number of a known word');
  return found;
}

/** One of a closed list of words. */
export function word<Word extends string>(row: Row, column: string, words: readonly Word[]): Word {
  const value = text(row, column);
  const found = words.find((candidate) => candidate === value);
  if (found === undefined) throw new UnreadableRowError(column, `one of ${words.join(', ')}`);
  return found;
}
