import type { Connection, Statement } from './connection.ts';
import { integer } from '../rows/row.ts';

/** How much a database holds. Pages that were freed are room: the file does not shrink when rows go. */
export class StoreSize {
  readonly #select: Statement;

  constructor(connection: Connection) {
    this.#select = connection.prepare(
      `SELECT (page_count - freelist_count) * page_size AS bytes
       FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
    );
  }

  bytes(): number {
    const row = this.#select.get();
    return row === undefined ? 0 : integer(row, 'bytes');
  }
}
