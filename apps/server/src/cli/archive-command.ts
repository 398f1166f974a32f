import { createReadStream, createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ConfigError } from '../config/config-error.ts';
import type { ArchiveSummary } from '../store/archive/archive-format.ts';
import type { ArchiveSource, ArchiveTarget } from '../store/archive/archive-ports.ts';
import { readArchive } from '../store/archive/archive-reader.ts';
import { archiveLines } from '../store/archive/archive-writer.ts';
import {
  openSqliteArchiveSource,
  openSqliteArchiveTarget,
} from '../store/sqlite/sqlite-archive.ts';
import { VERSION } from '../version.ts';
import {
  type ArchiveLine,
  type ArchiveVerb,
  readArchiveArguments,
  type StorePlace,
} from './archive-arguments.ts';
import { lockDataFolder } from './data-lock.ts';

/** There is nothing to export. */
class NoDatabaseError extends Error {
  readonly code = 'no_database';
  override readonly name = 'NoDatabaseError';
}

/** `ezthrottle export` and `import`: everything that a server keeps, as a stream of lines. */
export async function runArchive(verb: ArchiveVerb, argv: readonly string[]): Promise<void> {
  const read = readArchiveArguments(verb, argv);
  if (!read.ok) throw new ConfigError(read.problems);
  const { line } = read;
  const stream = verb === 'export' ? process.stdout : process.stdin;
  if (line.file === null && stream.isTTY) {
    const expected = verb === 'export' ? '--to-file <file>, or a pipe' : '--from-file <file>';
    throw new ConfigError([{ where: verb, message: 'is given no file', expected }]);
  }
  const unlock = lockOf(line);
  try {
    const summary = verb === 'export' ? await exportTo(line) : await importFrom(line);
    process.stderr.write(textOf(verb, summary));
  } finally {
    unlock();
  }
}

/** Nothing else works in a data folder meanwhile; a database is read as it was at one moment. */
function lockOf({ verb, place }: ArchiveLine): () => void {
  if (place.kind === 'database') return () => undefined;
  const folder = resolve(place.folder);
  // What is opened is made where it is missing, and a mistyped folder would pass for an empty one.
  if (verb === 'export' && !existsSync(databaseFile(place.folder))) {
    throw new NoDatabaseError(`there is no database in ${folder}; name its folder with --data-dir`);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return lockDataFolder(folder);
}

async function exportTo({ place, file }: ArchiveLine): Promise<ArchiveSummary> {
  const source = await openSource(place);
  try {
    const lines = archiveLines(source, VERSION);
    const summary: { value?: ArchiveSummary } = {};
    const chunks = async function* (): AsyncGenerator<string> {
      summary.value = yield* lines;
    };
    if (file === null) await pipeline(chunks, process.stdout, { end: false });
    else await pipeline(chunks, newFile(file)).catch((error) => withdraw(file, error));
    if (summary.value === undefined) throw new Error('the archive was not read to its end');
    return summary.value;
  } finally {
    await source.close();
  }
}

async function importFrom({ place, file }: ArchiveLine): Promise<ArchiveSummary> {
  const target = await openTarget(place);
  try {
    return await readArchive(file === null ? process.stdin : createReadStream(file), target);
  } finally {
    await target.close();
  }
}

/** One that is there already is left alone. It holds what clients have sent: only its owner reads it. */
function newFile(path: string): ReturnType<typeof createWriteStream> {
  return createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
}

/** Removes what was begun, unless it is somebody else's. */
async function withdraw(file: string, error: unknown): Promise<never> {
  const isOthers = error instanceof Error && 'code' in error && error.code === 'EEXIST';
  if (!isOthers) await rm(file, { force: true });
  throw error;
}

async function openSource(place: StorePlace): Promise<ArchiveSource> {
  if (place.kind === 'folder') return openSqliteArchiveSource(databaseFile(place.folder));
  // Only then: who has a file does without the driver.
  const { openPostgresArchiveSource } = await import('../store/postgres/postgres-archive.ts');
  return openPostgresArchiveSource(place);
}

async function openTarget(place: StorePlace): Promise<ArchiveTarget> {
  if (place.kind === 'folder') return openSqliteArchiveTarget(databaseFile(place.folder));
  const { openPostgresArchiveTarget } = await import('../store/postgres/postgres-archive.ts');
  return openPostgresArchiveTarget(place);
}

function databaseFile(folder: string): string {
  return join(resolve(folder), 'ezthrottle.db');
}

function textOf(verb: ArchiveVerb, { rows, sha256, masterKeys }: ArchiveSummary): string {
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const lines = [`${verb}ed ${total} rows, ${rows['jobs'] ?? 0} of them jobs; digest ${sha256}`];
  for (const key of masterKeys) {
    lines.push(`secrets in it are sealed with master key ${key}: the server there needs it`);
  }
  return `${lines.join('\n')}\n`;
}
