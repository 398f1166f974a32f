/** What the first line of an archive says. */
export interface ArchiveHeader {
  readonly format: typeof ARCHIVE_FORMAT;
  /** Of the lines that follow. */
  readonly version: number;
  /** Version of the server that wrote it. */
  readonly server: string;
  /** Names of the master keys that sealed something in it: what it is read with needs them. */
  readonly masterKeys: readonly string[];
}

/** What the last line says. */
export interface ArchiveEnd {
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Over all lines before, with their ends; hexadecimal. */
  readonly sha256: string;
}

/** What an archive holds, or held, in numbers. */
export interface ArchiveSummary extends ArchiveEnd {
  readonly masterKeys: readonly string[];
}

export const ARCHIVE_FORMAT = 'ezthrottle-archive';
export const ARCHIVE_VERSION = 1;

/** What is read is no archive, or not one that can be taken in whole. */
export class ArchiveError extends Error {
  readonly code: 'not_an_archive' | 'archive_too_new' | 'archive_damaged' | 'archive_cut_short';
  override readonly name = 'ArchiveError';

  constructor(code: ArchiveError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** An archive is taken into a store that holds nothing. */
export class TargetNotEmptyError extends Error {
  readonly code = 'target_not_empty';
  override readonly name = 'TargetNotEmptyError';

  constructor(table: string) {
    super(
      `the target holds something already (${table}): import into a new data folder, or into a database ` +
        'or schema where no server has worked yet',
    );
  }
}
