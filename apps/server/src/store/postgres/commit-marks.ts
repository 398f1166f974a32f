import { JOB_STATES } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';
import type { Queryable } from './database.ts';

/** After a day without a transaction a store is gone, or has forgotten what it was unsure of. */
const KEPT_MS = 24 * 60 * 60 * 1_000;

const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

const STATES = JOB_STATES.join(', ');

/** Where the numbers of those that are gone are added up. */
const OF_THE_GONE = '00000000-0000-0000-0000-000000000000';

const FOLD = `WITH gone AS (
    DELETE FROM {commit_marks} WHERE touched_at < ${NOW} - $2 AND instance <> $1 RETURNING *
  )
  INSERT INTO {commit_marks} (instance, number, touched_at, ${STATES})
  SELECT $1, 0, 0, ${JOB_STATES.map((state) => `sum(${state})`).join(', ')} FROM gone
  HAVING count(*) > 0
  ON CONFLICT (instance) DO UPDATE
  SET ${JOB_STATES.map((state) => `${state} = commit_marks.${state} + excluded.${state}`).join(', ')}`;

/** The row of a store that opens. Its transactions lock it, so it has to be there before the first one. */
export async function putMark(queryable: Queryable, instance: Id): Promise<void> {
  await queryable.run(
    `INSERT INTO {commit_marks} (instance, number, touched_at) VALUES ($1, 0, ${NOW})`,
    [instance],
  );
}

const MOVE = `WITH former AS (DELETE FROM {commit_marks} WHERE instance = $1 RETURNING *)
  INSERT INTO {commit_marks} (instance, number, touched_at, ${STATES})
  SELECT $2, number, ${NOW}, ${STATES} FROM former`;

/**
 * Gives a store's row another name, under which it has no past: while somebody keeps a transaction open,
 * every version of a row stays, and is looked at whenever the row is looked up.
 */
export async function moveMark(queryable: Queryable, from: Id, to: Id): Promise<void> {
  await queryable.run(MOVE, [from, to]);
}

/** Adds up the rows of stores that are gone: each start of a server leaves one. */
export async function foldMarks(queryable: Queryable): Promise<void> {
  await queryable.run(FOLD, [OF_THE_GONE, KEPT_MS]);
}
