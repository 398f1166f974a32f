import type { DeadLetterFilter } from '@ezthrottle/core/protocol';
import type { Id } from '@ezthrottle/engine';
import { type DeadKind, scanDead } from '../../dead-letters/scan.ts';
import { formatCursor } from '../cursor.ts';
import type { DeadLetterList } from './dead-letter-query.ts';

/** Rows that one page looks at: a filter that fits few gives short pages, never slow ones. */
const LOOKED_PER_PAGE = 2_000;

/** One kind of dead letters, where the filter is still to be said. */
export interface FilteredKind<Dead> extends Pick<DeadKind<Dead>, 'read' | 'placeOf'> {
  readonly isWanted: (filter: DeadLetterFilter, dead: Dead) => boolean;
}

/** The newest that a list asks for, and its cursor; null: it ends here. */
export async function deadLetterPage<Dead>(
  { read, placeOf, isWanted }: FilteredKind<Dead>,
  organization: Id,
  { filter, cursor, limit }: DeadLetterList,
): Promise<{ readonly found: readonly Dead[]; readonly next_cursor: string | null }> {
  const { found, next } = await scanDead(
    { read, placeOf, isWanted: (dead) => isWanted(filter, dead) },
    {
      organization,
      endedFrom: filter.ended_from ?? null,
      endedBefore: filter.ended_before ?? null,
      order: 'newest',
      after: cursor === null ? null : { at: cursor.createdAt, id: cursor.id },
      limit,
    },
    LOOKED_PER_PAGE,
  );
  const next_cursor = next === null ? null : formatCursor({ createdAt: next.at, id: next.id });
  return { found, next_cursor };
}
