import type { AuditListQuery, AuditReads, AuditRecord } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import type { Connection, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import { auditRecord } from '../rows/audit-rows.ts';

export const LIST_AUDIT = `SELECT * FROM audit_log
  WHERE organization = ? AND (at, public_id) < (?, ?)
    AND action = coalesce(?, action) AND target IS coalesce(?, target)
  ORDER BY at DESC, public_id DESC LIMIT ?`;

export class SqliteAuditReads implements AuditReads {
  readonly #interned: Interned;
  readonly #list: Statement;

  constructor(connection: Connection, interned: Interned) {
    this.#interned = interned;
    this.#list = connection.prepare(LIST_AUDIT);
  }

  async list(query: AuditListQuery): Promise<readonly AuditRecord[]> {
    const { organization, action, target, before, limit } = query;
    const row = this.#interned.findOrganization(organization);
    if (row === null) return [];
    const at = before?.at ?? Number.MAX_SAFE_INTEGER;
    const id = identifierBytes(before?.id ?? '') ?? Buffer.alloc(16, 0xff);
    return this.#list
      .all(row, at, id, action, target, boundedLimit(limit))
      .map((found) => auditRecord(organization, found));
  }
}
