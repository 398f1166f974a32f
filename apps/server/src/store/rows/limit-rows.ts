import type { Id, LimitRecord } from '@ezthrottle/engine';
import { integer, type Row, text } from './row.ts';

export function limitRecord(organization: Id, row: Row): LimitRecord {
  return {
    organization,
    key: text(row, 'key'),
    data: text(row, 'data'),
    version: integer(row, 'version'),
    createdAt: integer(row, 'created_at'),
    updatedAt: integer(row, 'updated_at'),
  };
}
