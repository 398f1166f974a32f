import type { AuditOperation, AuditRecord } from '@ezthrottle/engine';
import { boundedLimit } from '../rows/bounded-limit.ts';
import { optionalBytesOfText } from './text-bytes.ts';
import type { WriteScope } from './write-scope.ts';

const PUT_ENTRY = `INSERT INTO {audit_log} (public_id, organization, at, action, target, api_key,
    actor, reason, before, after)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;

export const PRUNE_AUDIT = `DELETE FROM {audit_log} WHERE id = ANY (ARRAY(
  SELECT id FROM {audit_log} WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))`;

/** Entries of the audit log are put, and removed when they are past their time, but never changed. */
export async function putAuditEntry(
  { transaction, interned }: WriteScope,
  entry: AuditRecord,
): Promise<void> {
  const { id, at, action, target, apiKey, actor, reason, before, after } = entry;
  await transaction.run(PUT_ENTRY, [
    id,
    await interned.organization(entry.organization),
    at,
    action,
    optionalBytesOfText(target),
    apiKey,
    optionalBytesOfText(actor),
    optionalBytesOfText(reason),
    before === null ? null : JSON.stringify(before),
    after === null ? null : JSON.stringify(after),
  ]);
}

/** How many entries went. */
export function pruneAudit(
  { transaction }: WriteScope,
  { before, limit }: Extract<AuditOperation, { type: 'prune_audit' }>,
): Promise<number> {
  return transaction.run(PRUNE_AUDIT, [before, boundedLimit(limit)]);
}
