import { createHash } from 'node:crypto';
import {
  ARCHIVE_FORMAT,
  ARCHIVE_VERSION,
  type ArchiveEnd,
  ArchiveError,
  type ArchiveHeader,
  type ArchiveSummary,
  TargetNotEmptyError,
} from './archive-format.ts';
import { linesOf } from './archive-lines.ts';
import type { ArchiveTarget } from './archive-ports.ts';
import { readRow } from './archive-row.ts';
import { ARCHIVE_TABLES, type ArchiveRow, type ArchiveTable } from './archive-tables.ts';

/** Rows that are written at once. */
const ROWS_PER_WRITE = 500;
/** No more text than this waits to be written. */
const CHARACTERS_PER_WRITE = 4 * 1024 * 1024;

/**
 * Fills an empty store from an archive, and finishes it only when every line has come as it was written.
 *
 * @throws ArchiveError, TargetNotEmptyError; nothing is left in the store then, once it is closed.
 */
export async function readArchive(
  chunks: AsyncIterable<Uint8Array>,
  target: ArchiveTarget,
): Promise<ArchiveSummary> {
  const filled = await target.firstFilled();
  if (filled !== null) throw new TargetNotEmptyError(filled);
  const reading = new Reading(target);
  for await (const line of linesOf(chunks)) await reading.take(line);
  const summary = await reading.finished();
  await target.finish();
  return summary;
}

/** One archive, line by line. */
class Reading {
  readonly #target: ArchiveTarget;
  readonly #hash = createHash('sha256');
  readonly #text = new TextDecoder('utf-8', { fatal: true });
  readonly #counts = new Map<string, number>();
  #header: ArchiveHeader | null = null;
  #end: ArchiveEnd | null = null;
  #line = 0;
  #place = 0;
  #waiting: ArchiveRow[] = [];
  #waitingCharacters = 0;

  constructor(target: ArchiveTarget) {
    this.#target = target;
  }

  async take(bytes: Uint8Array): Promise<void> {
    this.#line += 1;
    if (this.#end !== null) throw this.#damaged('stands behind the end');
    const line = this.#parsed(bytes);
    if (this.#header === null) this.#header = headerOf(line);
    else if (isObject(line['end'])) {
      this.#end = this.#checkedEnd(line['end']);
      return;
    } else await this.#takeRow(line, bytes.length);
    this.#hash.update(bytes);
  }

  async finished(): Promise<ArchiveSummary> {
    if (this.#header === null) throw new ArchiveError('not_an_archive', 'the archive is empty');
    if (this.#end === null) {
      throw new ArchiveError(
        'archive_cut_short',
        `the archive stops after line ${this.#line}, before its end: it was not written whole`,
      );
    }
    await this.#write();
    return { ...this.#end, masterKeys: this.#header.masterKeys };
  }

  async #takeRow(line: Readonly<Record<string, unknown>>, characters: number): Promise<void> {
    const { table: name, row, parts } = line;
    const place = ARCHIVE_TABLES.findIndex((table) => table.name === name);
    const table = ARCHIVE_TABLES[place];
    if (table === undefined) throw this.#damaged('names no table that this server knows');
    if (place < this.#place) throw this.#damaged(`of ${table.name} comes too late`);
    if (place > this.#place) await this.#write();
    this.#place = place;
    const read = readRow(table, row, parts);
    if (!read.ok) throw this.#damaged(`of ${table.name}: ${read.problems.join('; ')}`);
    this.#waiting.push(read.row);
    this.#waitingCharacters += characters;
    this.#counts.set(table.name, (this.#counts.get(table.name) ?? 0) + 1);
    const isMuch = this.#waitingCharacters > CHARACTERS_PER_WRITE;
    if (isMuch || this.#waiting.length >= ROWS_PER_WRITE) await this.#write();
  }

  async #write(): Promise<void> {
    const table: ArchiveTable | undefined = ARCHIVE_TABLES[this.#place];
    if (this.#waiting.length === 0 || table === undefined) return;
    const rows = this.#waiting;
    this.#waiting = [];
    this.#waitingCharacters = 0;
    await this.#target.insert(table, rows);
  }

  #parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> {
    try {
      const value: unknown = JSON.parse(this.#text.decode(bytes));
      if (isObject(value)) return value;
    } catch {
      // Said below, with the number of the line.
    }
    if (this.#header === null) throw notAnArchive();
    throw this.#damaged('is no JSON object');
  }

  #checkedEnd(end: Readonly<Record<string, unknown>>): ArchiveEnd {
    const sha256 = this.#hash.digest('hex');
    const rows = Object.fromEntries(
      ARCHIVE_TABLES.map(({ name }) => [name, this.#counts.get(name) ?? 0]),
    );
    const stated = isObject(end['rows']) ? end['rows'] : {};
    for (const [name, count] of Object.entries(rows)) {
      const expected = stated[name] ?? 0;
      if (expected !== count) {
        throw new ArchiveError(
          'archive_damaged',
          `the archive has ${count} rows of ${name}, its end tells of ${JSON.stringify(expected)}`,
        );
      }
    }
    if (end['sha256'] !== sha256) {
      throw new ArchiveError(
        'archive_damaged',
        'the digest at its end is not that of its lines: something was changed on the way',
      );
    }
    return { rows, sha256 };
  }

  #damaged(problem: string): ArchiveError {
    return new ArchiveError('archive_damaged', `line ${this.#line} ${problem}`);
  }
}

function headerOf(line: Readonly<Record<string, unknown>>): ArchiveHeader {
  const { format, version, server, masterKeys } = line;
  if (format !== ARCHIVE_FORMAT || typeof version !== 'number') throw notAnArchive();
  if (version > ARCHIVE_VERSION) {
    throw new ArchiveError(
      'archive_too_new',
      `the archive has version ${version}, this server reads versions up to ${ARCHIVE_VERSION}: ` +
        'import it with the server that wrote it, or a newer one',
    );
  }
  const keys = Array.isArray(masterKeys) ? masterKeys : [];
  return {
    format,
    version,
    server: String(server),
    masterKeys: keys.filter((key) => typeof key === 'string'),
  };
}

function notAnArchive(): ArchiveError {
  return new ArchiveError('not_an_archive', 'this was not written by `ezthrottle export`');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
