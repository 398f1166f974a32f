import type { AuditOperation, AuditRecord } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import type { Statement } from './connection.ts';
import type { Interned } from './interned.ts';
import { requiredIdentifier } from '../rows/identifier.ts';
import type { WriteScope } from './write-scope.ts';

const PRUNE_AUDIT = `DELETE FROM audit_log WHERE id IN (
  SELECT id FROM audit_log WHERE at < ? ORDER BY at LIMIT ?)`;

/** Entries of the audit log: put, and removed when they are past their time, but never changed. */
export class AuditWrites {
  readonly #interned: Interned;
  readonly #insert: Statement;
  readonly #prune: Statement;

  constructor({ connection, interned }: WriteScope) {
    this.#interned = interned;
    this.#insert = connection.prepare(
      `INSERT INTO audit_log (public_id, organization, at, action, target, api_key, actor, reason,
         before, after)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#prune = connection.prepare(PRUNE_AUDIT);
  }

  put(entry: AuditRecord): void {
    const { at, action, target, apiKey, actor, reason, before, after } = entry;
    this.#insert.run(
      requiredIdentifier(entry.id, 'entry.id'),
      this.#interned.organization(entry.organization),
      at,
      action,
      target,
      apiKey === null ? null : requiredIdentifier(apiKey, 'entry.apiKey'),
      actor,
      reason,
      before === null ? null : JSON.stringify(before),
      after === null ? null : JSON.stringify(after),
    );
  }

  prune({ before, limit }: Extract<AuditOperation, { type: 'prune_audit' }>): number {
    return this.#prune.run(before, boundedLimit(limit)).changes;
  }
}
