/** What is used of a `Pool` or `Client` of `pg`. */
export interface PgClient {
  query(text: string, values: (string | number)[]): Promise<{ rows: unknown[] }>;
}

/** What is used of `postgres(…)`. */
export interface PostgresJsClient {
  unsafe(text: string, values: (string | number)[]): PromiseLike<readonly unknown[]>;
}

export type PostgresClient = PgClient | PostgresJsClient;

/** Runs one statement; gives its rows. */
export type RowsOf = (text: string, values?: (string | number)[]) => Promise<readonly unknown[]>;

/** @throws {TypeError} when it is no client that is known. */
export function rowsOf(client: PostgresClient): RowsOf {
  if ('unsafe' in client && typeof client.unsafe === 'function') {
    return async (text, values = []) => client.unsafe(text, values);
  }
  if ('query' in client && typeof client.query === 'function') {
    return async (text, values = []) => (await client.query(text, values)).rows;
  }
  throw new TypeError('postgresDedupe needs a Pool or Client of pg, or what postgres() gives.');
}
