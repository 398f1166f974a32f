import type { Id, LimitListQuery, LimitReads, LimitRecord } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import type { Connection, Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import { limitRecord } from '../rows/limit-rows.ts';

// Compared as bytes: the length of text ends before a zero byte.
export const LIST_LIMITS = `SELECT * FROM limits
  WHERE organization = ? AND key > ? AND key >= ? AND substr(CAST(key AS BLOB), 1, length(CAST(? AS BLOB))) = CAST(? AS BLOB)
  ORDER BY key LIMIT ?`;

export class SqliteLimitReads implements LimitReads {
  readonly #interned: Interned;
  readonly #get: Statement;
  readonly #list: Statement;

  constructor(connection: Connection, interned: Interned) {
    this.#interned = interned;
    this.#get = connection.prepare('SELECT * FROM limits WHERE organization = ? AND key = ?');
    this.#list = connection.prepare(LIST_LIMITS);
  }

  async get(organization: Id, key: string): Promise<LimitRecord | null> {
    const row = this.#interned.findOrganization(organization);
    const found = row === null ? undefined : this.#get.get(row, key);
    return found === undefined ? null : limitRecord(organization, found);
  }

  async list(query: LimitListQuery): Promise<readonly LimitRecord[]> {
    const { organization, prefix, after, limit } = query;
    const row = this.#interned.findOrganization(organization);
    if (row === null) return [];
    return this.#list
      .all(row, after ?? '', prefix, prefix, prefix, boundedLimit(limit))
      .map((found) => limitRecord(organization, found));
  }
}
