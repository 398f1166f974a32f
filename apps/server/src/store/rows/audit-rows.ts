import type { AuditAction } from '@ezthrottle/core/protocol';
import type { AuditRecord, Id } from '@ezthrottle/engine';
import { identifier, integer, optionalText, type Row, text } from './row.ts';

export function auditRecord(organization: Id, row: Row): AuditRecord {
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
