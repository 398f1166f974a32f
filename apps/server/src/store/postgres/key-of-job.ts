import { integer, optionalText, type Row } from '../rows/row.ts';
import { idempotencyKeyHash, restoredKey } from '../rows/stored-claim.ts';
import type { KEY_SHAPE } from './job-rows.ts';
import type { RowOf } from './columns.ts';

/** The key that a job came with, as it is stored; of the job's own row. */
export function keyOfJob(row: Row): RowOf<typeof KEY_SHAPE> {
  const key = restoredKey(optionalText(row, 'idempotent_key'), row['fingerprint']);
  return {
    organization: integer(row, 'organization'),
    key_hash: idempotencyKeyHash(key),
    scope: optionalText(row, 'scope') ?? '',
    job: integer(row, 'id'),
  };
}
