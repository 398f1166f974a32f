import { flag, identifier, integer, type Row, text } from '../rows/row.ts';
import type { ArchiveColumns, ArchiveValues } from './archive-tables.ts';

const VALUE_OF = { integer, text, flag, id: identifier } as const;

/** A row as a driver gives it, as the archive tells it. */
export function archivedValues(columns: ArchiveColumns, row: Row): ArchiveValues {
  return Object.fromEntries(
    Object.entries(columns).map(([name, { kind }]) => [
      name,
      row[name] === null ? null : VALUE_OF[kind](row, name),
    ]),
  );
}
