import type { WorkLine, WorkRow } from '@ezthrottle/engine';
import { identifier, integer, type Row, text } from './row.ts';

/** Whose line at which origin. */
export function lineOf(row: Row): Omit<WorkLine, 'ready'> {
  return {
    organization: identifier(row, 'organization_id'),
    origin: text(row, 'origin'),
    apiKey: identifier(row, 'api_key_id'),
    userId: text(row, 'user_id'),
  };
}

/** Which leg, and where it stands in its line. */
export function placeOf(row: Row): Pick<WorkRow, 'jobId' | 'leg' | 'rank' | 'readyAt'> {
  return {
    jobId: identifier(row, 'job_id'),
    leg: integer(row, 'leg'),
    rank: integer(row, 'rank'),
    readyAt: integer(row, 'ready_at'),
  };
}
