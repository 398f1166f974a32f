import type { Id, RedriveItem, RedriveReads, RedriveRecord } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { REDRIVE_OUTCOME_CODES } from '../rows/codes.ts';
import type { Connection, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import { redriveItem, redriveRecord } from '../rows/redrive-rows.ts';

const SELECT = `SELECT redrives.*, organizations.public_id AS organization_id
  FROM redrives JOIN organizations ON organizations.id = redrives.organization`;

export const LIST_REDRIVES = `SELECT redrives.*, organizations.public_id AS organization_id
  FROM organizations CROSS JOIN redrives ON redrives.organization = organizations.id
  WHERE organizations.public_id = ? AND (redrives.created_at, redrives.public_id) < (?, ?)
  ORDER BY redrives.created_at DESC, redrives.public_id DESC LIMIT ?`;

export class SqliteRedriveReads implements RedriveReads {
  readonly #get: Statement;
  readonly #list: Statement;
  readonly #running: Statement;
  readonly #items: Statement;
  readonly #sent: Statement;
  readonly #itemsOf: Statement;

  constructor(connection: Connection) {
    this.#get = connection.prepare(
      `${SELECT} WHERE redrives.public_id = ? AND organizations.public_id = ?`,
    );
    this.#list = connection.prepare(LIST_REDRIVES);
    this.#running = connection.prepare(
      `${SELECT} WHERE redrives.ended_at IS NULL ORDER BY redrives.id`,
    );
    const items = (where: string): Statement =>
      connection.prepare(
        `SELECT redrive_items.* FROM redrives
         CROSS JOIN redrive_items ON redrive_items.redrive = redrives.id
         WHERE redrives.public_id = ? AND number > ? ${where} ORDER BY number LIMIT ?`,
      );
    this.#items = items('');
    this.#sent = items('AND outcome = 0');
    this.#itemsOf = items('AND outcome = ?');
  }

  async get(organization: Id, id: Id): Promise<RedriveRecord | null> {
    const [bytes, owner] = [identifierBytes(id), identifierBytes(organization)];
    const row = bytes === null || owner === null ? undefined : this.#get.get(bytes, owner);
    return row === undefined ? null : redriveRecord(row);
  }

  async list({
    organization,
    before,
    limit,
  }: Parameters<RedriveReads['list']>[0]): Promise<readonly RedriveRecord[]> {
    const owner = identifierBytes(organization);
    if (owner === null) return [];
    const at = before?.createdAt ?? Number.MAX_SAFE_INTEGER;
    const id = identifierBytes(before?.id ?? '') ?? Buffer.alloc(16, 0xff);
    return this.#list.all(owner, at, id, boundedLimit(limit)).map(redriveRecord);
  }

  async running(): Promise<readonly RedriveRecord[]> {
    return this.#running.all().map(redriveRecord);
  }

  async items(
    id: Id,
    { after, outcome, limit }: Parameters<RedriveReads['items']>[1],
  ): Promise<readonly RedriveItem[]> {
    const bytes = identifierBytes(id);
    if (bytes === null) return [];
    const most = boundedLimit(limit);
    if (outcome === null) return this.#items.all(bytes, after, most).map(redriveItem);
    if (outcome === 'sent') return this.#sent.all(bytes, after, most).map(redriveItem);
    const code = REDRIVE_OUTCOME_CODES.codeOf(outcome);
    return this.#itemsOf.all(bytes, after, code, most).map(redriveItem);
  }
}
