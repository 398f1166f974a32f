import type { Id } from '@ezthrottle/engine';
import { identifier, integer, optionalInteger, text } from '../rows/row.ts';
import type { Database } from './database.ts';

/** A job that was submitted within a transaction and could not be taken in. */
export interface RefusedJob {
  readonly jobId: Id;
  readonly organization: Id;
  readonly code: string;
  readonly message: string;
  /** A JSON list of path, message, expected. */
  readonly problems: string;
  /** Milliseconds since the epoch. */
  readonly submittedAt: number;
}

export interface InboxLook {
  /** Jobs that no node has taken over yet. */
  readonly waiting: number;
  /** When the oldest of them was submitted, in milliseconds since the epoch; null: none waits. */
  readonly oldestAt: number | null;
  /** How many are kept, and the newest of them. */
  readonly refusedCount: number;
  readonly refused: readonly RefusedJob[];
}

const REFUSED = `SELECT refusals.id, organizations.public_id AS organization, refusals.code,
    refusals.message, refusals.problems, refusals.created_at
  FROM {inbox_refusals} AS refusals
  JOIN {organizations} AS organizations ON organizations.id = refusals.organization
  WHERE refusals.duplicate_of IS NULL ORDER BY refusals.refused_at DESC, refusals.id DESC LIMIT $1`;

const COUNTS = `SELECT (SELECT count(*) FROM {inbox}) AS waiting,
  (SELECT min(created_at) FROM {inbox}) AS oldest_at,
  (SELECT count(*) FROM {inbox_refusals} WHERE duplicate_of IS NULL) AS refused`;

/** What stands in the inbox, with so many of the refused jobs at most. */
export async function lookIntoInbox(database: Database, limit: number): Promise<InboxLook> {
  const [counts = {}] = await database.query(COUNTS);
  const refused = await database.query(REFUSED, [limit]);
  return {
    waiting: integer(counts, 'waiting'),
    oldestAt: optionalInteger(counts, 'oldest_at'),
    refusedCount: integer(counts, 'refused'),
    refused: refused.map((row) => ({
      jobId: identifier(row, 'id'),
      organization: identifier(row, 'organization'),
      code: text(row, 'code'),
      message: text(row, 'message'),
      problems: text(row, 'problems'),
      submittedAt: integer(row, 'created_at'),
    })),
  };
}

const RETRY = `WITH again AS (
    DELETE FROM {inbox_refusals}
    WHERE duplicate_of IS NULL AND ($1::uuid IS NULL OR id = $1::uuid)
    RETURNING id, organization, api_key, job, created_at
  )
  INSERT INTO {inbox} (id, organization, api_key, job, created_at, due_at)
  SELECT id, organization, api_key, job, created_at, created_at FROM again`;

/** Puts refused jobs back into the inbox: one, or with null all. Gives how many. */
export function retryRefused(database: Database, jobId: Id | null): Promise<number> {
  return database.run(RETRY, [jobId]);
}
