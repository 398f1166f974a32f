import { createHash } from 'node:crypto';
import {
  ARCHIVE_FORMAT,
  ARCHIVE_VERSION,
  type ArchiveEnd,
  type ArchiveHeader,
  type ArchiveSummary,
} from './archive-format.ts';
import type { ArchiveSource } from './archive-ports.ts';
import { ARCHIVE_TABLES, type ArchiveRow, type ArchiveValues } from './archive-tables.ts';

/**
 * Everything that a store holds as lines of JSON: a header, a line for each row, and an end by which a reader
 * knows that nothing is missing. The same store gives the same lines. Returns what they hold.
 *
 * @param server Version of the server that writes.
 */
export async function* archiveLines(
  source: ArchiveSource,
  server: string,
): AsyncGenerator<string, ArchiveSummary, void> {
  const hash = createHash('sha256');
  const masterKeys = await source.masterKeys();
  const header: ArchiveHeader = {
    format: ARCHIVE_FORMAT,
    version: ARCHIVE_VERSION,
    server,
    masterKeys,
  };
  const first = `${JSON.stringify(header)}\n`;
  hash.update(first);
  yield first;
  const counts: Record<string, number> = {};
  for (const table of ARCHIVE_TABLES) {
    let count = 0;
    for await (const rows of source.rows(table)) {
      const lines = rows.map((row) => lineOf(table.name, row)).join('');
      count += rows.length;
      hash.update(lines);
      if (lines !== '') yield lines;
    }
    counts[table.name] = count;
  }
  const end: ArchiveEnd = { rows: counts, sha256: hash.digest('hex') };
  yield `${JSON.stringify({ end })}\n`;
  return { ...end, masterKeys };
}

/** Columns that are null are left out, and parts of which there are none. */
function lineOf(table: string, { values, parts }: ArchiveRow): string {
  const told = Object.entries(parts).filter(([, rows]) => rows.length > 0);
  const line = {
    table,
    row: withoutNulls(values),
    ...(told.length > 0 && {
      parts: Object.fromEntries(told.map(([name, rows]) => [name, rows.map(withoutNulls)])),
    }),
  };
  return `${JSON.stringify(line)}\n`;
}

function withoutNulls(values: ArchiveValues): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
