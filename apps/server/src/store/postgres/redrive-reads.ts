import type { Id, RedriveItem, RedriveReads, RedriveRecord } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { REDRIVE_OUTCOME_CODES } from '../rows/codes.ts';
import { redriveItem, redriveRecord } from '../rows/redrive-rows.ts';
import type { Queryable } from './database.ts';
import { isIdentifier } from './interned.ts';
import { LAST_ID } from './list-ends.ts';

const REDRIVES = `SELECT redrives.*, organizations.public_id AS organization_id
  FROM {redrives} AS redrives JOIN {organizations} AS organizations
    ON organizations.id = redrives.organization`;

const GET_REDRIVE = `${REDRIVES} WHERE redrives.public_id = $1 AND organizations.public_id = $2`;

const RUNNING_REDRIVES = `${REDRIVES} WHERE redrives.ended_at IS NULL ORDER BY redrives.id`;

export const LIST_REDRIVES: string = `${REDRIVES}
  WHERE redrives.organization = (SELECT id FROM {organizations} WHERE public_id = $1)
    AND (redrives.created_at, redrives.public_id) < ($2, $3::uuid)
  ORDER BY redrives.created_at DESC, redrives.public_id DESC LIMIT $4`;

const ITEMS = itemsWhere('');
/** These have an index of their own. */
const SENT_ITEMS = itemsWhere('AND outcome = 0');
const ITEMS_WITH = itemsWhere('AND outcome = $4');

function itemsWhere(condition: string): string {
  return `SELECT * FROM {redrive_items}
    WHERE redrive = (SELECT id FROM {redrives} WHERE public_id = $1) AND number > $2 ${condition}
    ORDER BY number LIMIT $3`;
}

export class PostgresRedriveReads implements RedriveReads {
  readonly #database: Queryable;

  constructor(database: Queryable) {
    this.#database = database;
  }

  async get(organization: Id, id: Id): Promise<RedriveRecord | null> {
    if (!isIdentifier(id) || !isIdentifier(organization)) return null;
    const [row] = await this.#database.query(GET_REDRIVE, [id, organization]);
    return row === undefined ? null : redriveRecord(row);
  }

  async list({
    organization,
    before,
    limit,
  }: Parameters<RedriveReads['list']>[0]): Promise<readonly RedriveRecord[]> {
    if (!isIdentifier(organization)) return [];
    const at = before?.createdAt ?? Number.MAX_SAFE_INTEGER;
    const id = before !== null && isIdentifier(before.id) ? before.id : LAST_ID;
    const values = [organization, at, id, boundedLimit(limit)];
    return (await this.#database.query(LIST_REDRIVES, values)).map(redriveRecord);
  }

  async running(): Promise<readonly RedriveRecord[]> {
    return (await this.#database.query(RUNNING_REDRIVES)).map(redriveRecord);
  }

  async items(
    id: Id,
    { after, outcome, limit }: Parameters<RedriveReads['items']>[1],
  ): Promise<readonly RedriveItem[]> {
    if (!isIdentifier(id)) return [];
    const values = [id, after, boundedLimit(limit)];
    const rows =
      outcome === null || outcome === 'sent'
        ? await this.#database.query(outcome === null ? ITEMS : SENT_ITEMS, values)
        : await this.#database.query(ITEMS_WITH, [
            ...values,
            REDRIVE_OUTCOME_CODES.codeOf(outcome),
          ]);
    return rows.map(redriveItem);
  }
}
