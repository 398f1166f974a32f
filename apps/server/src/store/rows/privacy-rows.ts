import type {
  AccountStretch,
  DocumentRecord,
  EndedStretch,
  Id,
  JobPlace,
} from '@ezthrottle/engine';
import { flag, identifier, integer, type Row, text } from './row.ts';

export function documentRecord(row: Row): DocumentRecord {
  return {
    organization: identifier(row, 'organization_id'),
    kind: text(row, 'kind'),
    name: text(row, 'name'),
    data: text(row, 'data'),
  };
}

/** What a walk through ended jobs has looked at, and which of it belongs to the organization. */
export function endedStretch(
  rows: readonly Row[],
  organization: number | null,
  limit: number,
): EndedStretch {
  const last = rows.at(-1);
  return {
    jobIds: rows
      .filter((row) => integer(row, 'organization') === organization)
      .map((row): Id => identifier(row, 'public_id')),
    last: last === undefined ? null : placeOf(last, 'ended_at'),
    isMore: rows.length >= limit,
  };
}

/** What a walk through all jobs has looked at, and which of it belongs to one of the accounts. */
export function accountStretch(
  rows: readonly Row[],
  accounts: ReadonlySet<number>,
  limit: number,
): AccountStretch {
  const last = rows.at(-1);
  return {
    jobs: rows
      .filter((row) => accounts.has(integer(row, 'account')))
      .map((row) => ({
        id: identifier(row, 'public_id'),
        isLive: flag(row, 'is_live'),
        createdAt: integer(row, 'created_at'),
      })),
    next: last === undefined || rows.length < limit ? null : placeOf(last, 'created_at'),
  };
}

function placeOf(row: Row, column: string): JobPlace {
  return { at: integer(row, column), row: integer(row, 'id') };
}
