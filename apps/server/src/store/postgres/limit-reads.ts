import type { Id, LimitListQuery, LimitReads, LimitRecord } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { limitRecord } from '../rows/limit-rows.ts';
import type { Queryable } from './database.ts';
import type { Interned } from './interned.ts';
import { bytesOfText } from './text-bytes.ts';

const GET_LIMIT = 'SELECT * FROM {limits} WHERE organization = $1 AND key = $2';

export const LIST_LIMITS = `SELECT * FROM {limits}
  WHERE organization = $1 AND key > $2 AND key >= $3 AND substring(key FROM 1 FOR length($3::bytea)) = $3
  ORDER BY key LIMIT $4`;

export class PostgresLimitReads implements LimitReads {
  readonly #database: Queryable;
  readonly #interned: Interned;

  constructor(database: Queryable, interned: Interned) {
    this.#database = database;
    this.#interned = interned;
  }

  async get(organization: Id, key: string): Promise<LimitRecord | null> {
    const owner = await this.#interned.findOrganization(organization);
    if (owner === null) return null;
    const [row] = await this.#database.query(GET_LIMIT, [owner, bytesOfText(key)]);
    return row === undefined ? null : limitRecord(organization, row);
  }

  async list({
    organization,
    prefix,
    after,
    limit,
  }: LimitListQuery): Promise<readonly LimitRecord[]> {
    const owner = await this.#interned.findOrganization(organization);
    if (owner === null) return [];
    const values = [owner, bytesOfText(after ?? ''), bytesOfText(prefix), boundedLimit(limit)];
    const rows = await this.#database.query(LIST_LIMITS, values);
    return rows.map((row) => limitRecord(organization, row));
  }
}
