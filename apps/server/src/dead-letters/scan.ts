import type { DeadLetterQuery, Id } from '@ezthrottle/engine';

/** Where a dead letter stands in the order of its kind. */
export interface DeadPlace {
  readonly at: number;
  readonly id: Id;
}

/** One kind of dead letters, as it is walked through. */
export interface DeadKind<Dead> {
  read(query: DeadLetterQuery): Promise<readonly Dead[]>;
  isWanted(dead: Dead): boolean;
  placeOf(dead: Dead): DeadPlace;
}

export interface Scan<Dead> {
  readonly found: readonly Dead[];
  /** Where it goes on; null: nothing comes behind. */
  readonly next: DeadPlace | null;
}

/** Rows that are read at once: others wait for the thread meanwhile. */
const ROWS = 500;

/**
 * Looks for dead letters that are wanted, from a place on. Ends when `limit` are found or `mostLooked` were
 * looked at, so that a filter which fits few takes no longer than any other.
 */
export async function scanDead<Dead>(
  kind: DeadKind<Dead>,
  query: DeadLetterQuery,
  mostLooked: number,
): Promise<Scan<Dead>> {
  const found: Dead[] = [];
  let after = query.after;
  for (let looked = 0; looked < mostLooked; looked += ROWS) {
    const limit = Math.min(ROWS, mostLooked - looked);
    const rows = await kind.read({ ...query, after, limit });
    for (const row of rows) {
      // One more than asked for stands behind: the page goes on before it.
      if (found.length >= query.limit) return { found, next: after };
      after = kind.placeOf(row);
      if (kind.isWanted(row)) found.push(row);
    }
    if (rows.length < limit) return { found, next: null };
    await turn();
  }
  return { found, next: after };
}

/** Lets what has arrived meanwhile go first. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
