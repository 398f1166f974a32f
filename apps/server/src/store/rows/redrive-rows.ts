import type { RedriveItem, RedriveRecord } from '@ezthrottle/engine';
import { REDRIVE_OUTCOME_CODES } from './codes.ts';
import { coded, identifier, integer, optionalInteger, type Row, text } from './row.ts';

export function redriveRecord(row: Row): RedriveRecord {
  return {
    id: identifier(row, 'public_id'),
    organization: identifier(row, 'organization_id'),
    data: text(row, 'data'),
    version: integer(row, 'version'),
    createdAt: integer(row, 'created_at'),
    endedAt: optionalInteger(row, 'ended_at'),
  };
}

export function redriveItem(row: Row): RedriveItem {
  return {
    number: integer(row, 'number'),
    source: identifier(row, 'source'),
    result: row['result'] === null ? null : identifier(row, 'result'),
    outcome: coded(row, 'outcome', REDRIVE_OUTCOME_CODES),
  };
}
