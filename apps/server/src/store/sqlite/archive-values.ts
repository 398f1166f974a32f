import type { ArchiveRow, ArchiveTable, ColumnKind } from '../archive/archive-tables.ts';
import type { Row, SqlValue } from './connection.ts';
import { identifierBytes, identifierText } from './identifier.ts';
import { flag, integer, text } from './row.ts';
import { restoredFingerprint, storedFingerprint } from './stored-claim.ts';

/** A row as the archive tells it. */
export function archiveRow({ columns }: ArchiveTable, row: Row): ArchiveRow {
  return Object.fromEntries(
    Object.entries(columns).map(([name, { kind }]) => [name, told(row, name, kind)]),
  );
}

/** The values of a row of an archive, in the order of the table's columns. */
export function sqlValues({ columns }: ArchiveTable, row: ArchiveRow): readonly SqlValue[] {
  return Object.entries(columns).map(([name, { kind }]) => stored(row[name] ?? null, kind));
}

function told(row: Row, name: string, kind: ColumnKind): null | number | string | boolean {
  const value = row[name];
  if (value === null || value === undefined) return null;
  switch (kind) {
    case 'integer':
      return integer(row, name);
    case 'flag':
      return flag(row, name);
    case 'text':
      return text(row, name);
    case 'fingerprint':
      return restoredFingerprint(value);
    case 'id':
      return value instanceof Uint8Array ? identifierText(value) : text(row, name);
    case 'bytes':
      return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : text(row, name);
  }
}

function stored(value: null | number | string | boolean, kind: ColumnKind): SqlValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string') return value;
  switch (kind) {
    case 'id':
      return identifierBytes(value);
    case 'bytes':
      return Buffer.from(value, 'base64');
    case 'fingerprint':
      return storedFingerprint(value);
    default:
      return value;
  }
}
