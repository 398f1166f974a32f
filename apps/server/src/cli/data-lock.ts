import { join } from 'node:path';
import { openConnection, SqliteError } from '../store/sqlite/connection.ts';

const SQLITE_BUSY = 5;

/** Another server works in this folder. */
export class DataFolderTakenError extends Error {
  readonly code = 'data_folder_taken';

  constructor(folder: string) {
    super(`another server is using ${folder}; stop it, or choose another folder with --data-dir`);
    this.name = 'DataFolderTakenError';
  }
}

/**
 * Takes the folder for this process alone. The lock is the operating system's, held through an open
 * transaction on a file of its own, so it ends with the process however that ends.
 *
 * @returns a function that gives the folder back.
 * @throws DataFolderTakenError
 */
export function lockDataFolder(folder: string): () => void {
  try {
    const connection = openConnection({ file: join(folder, 'server.lock'), busyTimeoutMs: 0 });
    try {
      connection.execute('BEGIN IMMEDIATE');
    } catch (error) {
      connection.close();
      throw error;
    }
    return () => connection.close();
  } catch (error) {
    if (error instanceof SqliteError && error.resultCode === SQLITE_BUSY) {
      throw new DataFolderTakenError(folder);
    }
    throw error;
  }
}
