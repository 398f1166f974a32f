import type { AuditListQuery, AuditReads, AuditRecord } from '@ezthrottle/engine';
import { auditRecord } from '../rows/audit-rows.ts';
import { boundedLimit } from '../rows/bounded-limit.ts';
import type { Queryable } from './database.ts';
import { isIdentifier, type Interned } from './interned.ts';
import { LAST_ID } from './list-ends.ts';
import { optionalBytesOfText } from './text-bytes.ts';

export const LIST_AUDIT = `SELECT * FROM {audit_log}
  WHERE organization = $1 AND (at, public_id) < ($2, $3::uuid)
    AND action = coalesce($4, action) AND ($5::bytea IS NULL OR target = $5)
  ORDER BY at DESC, public_id DESC LIMIT $6`;

export class PostgresAuditReads implements AuditReads {
  readonly #database: Queryable;
  readonly #interned: Interned;

  constructor(database: Queryable, interned: Interned) {
    this.#database = database;
    this.#interned = interned;
  }

  async list(query: AuditListQuery): Promise<readonly AuditRecord[]> {
    const { organization, action, target, before, limit } = query;
    const owner = await this.#interned.findOrganization(organization);
    if (owner === null) return [];
    const at = before?.at ?? Number.MAX_SAFE_INTEGER;
    const id = before !== null && isIdentifier(before.id) ? before.id : LAST_ID;
    const values = [owner, at, id, action, optionalBytesOfText(target), boundedLimit(limit)];
    const rows = await this.#database.query(LIST_AUDIT, values);
    return rows.map((row) => auditRecord(organization, row));
  }
}
