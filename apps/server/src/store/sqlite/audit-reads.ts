import type { AuditAction } from '@ezthrottle/core/protocol';
import type { AuditListQuery, AuditReads, AuditRecord, Id } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import type { Connection, Row, Statement } from './connection.ts';
import { identifierBytes } from '../rows/identifier.ts';
import type { Interned } from './interned.ts';
import { identifier, integer, optionalText, text } from '../rows/row.ts';

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
      .map((found) => recordOf(organization, found));
  }
}

function recordOf(organization: Id, row: Row): AuditRecord {
  return {
    id: identifier(row, 'public_id'),
    organization,
    at: integer(row, 'at'),
    action: actionOf(text(row, 'action')),
    target: optionalText(row, 'target'),
    apiKey: row['api_key'] === null ? null : identifier(row, 'api_key'),
    actor: optionalText(row, 'actor'),
    reason: optionalText(row, 'reason'),
    before: detailsOf(optionalText(row, 'before')),
    after: detailsOf(optionalText(row, 'after')),
  };
}

function actionOf(stored: string): AuditAction {
  const [noun = '', ...verb] = stored.split('.');
  return `${noun}.${verb.join('.')}`;
}

function detailsOf(stored: string | null): AuditRecord['before'] {
  if (stored === null) return null;
  const details: AuditRecord['before'] = JSON.parse(stored);
  return details;
}
